"""What acceptance sees of a deployment: its live versions, which of them a job is for, and whether that one is leaving."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, bindparam, func, select
from sqlalchemy.orm import Session

from mainspring.access import Caller
from mainspring.errors import Conflict, NotReady, UnknownDeployment, VersionRetired
from mainspring.lifecycle import LIVE
from mainspring.registry import named, retired
from mainspring.release.draining import drain_plan
from mainspring.serving import backlog
from mainspring.serving.receipt import Leaving, Submission
from mainspring.serving.route import Candidate, Drawn, champion, choose
from mainspring.serving.turns import FLOW_TURN, NEXT_TURN, RUNNING_TURN, Clock
from mainspring.tables import Deployment, Rollout, Stage, Task, Version, constant

# Built once: every job asks it, and building a statement costs more than running it.
_ADDRESSED = (
    select(
        func.now().label("at"),
        Deployment.task,
        Deployment.policy,
        Deployment.retired_at,
        Version.id,
        Version.number,
        Version.stage,
        Version.stage_at,
        Rollout.id.label("rollout"),
        Rollout.share,
        backlog.WAITING.label("waiting"),
        RUNNING_TURN.label("running_turn"),
        NEXT_TURN.label("next_turn"),
        FLOW_TURN.label("flow_turn"),
    )
    .outerjoin_from(
        Deployment,
        Version,
        and_(Version.deployment == Deployment.name, Version.stage.in_([constant(stage) for stage in LIVE])),
    )
    .outerjoin(Rollout, and_(Rollout.challenger_id == Version.id, Rollout.ended_at.is_(None)))
    .where(Deployment.name == bindparam("name"))
)


@dataclass(frozen=True)
class Addressed:
    """A deployment as acceptance sees it at a moment: its task, policy, and the versions that answer."""

    at: datetime
    name: str
    task: Task
    policy: dict[str, Any]
    candidates: list[Candidate]


def address(connection: Connection, caller: Caller, asked: Submission) -> Addressed:
    """Raises UnknownDeployment and DeploymentRetired."""
    rows = connection.execute(
        _ADDRESSED,
        {"name": asked.name, "tenant": caller.tenant_id, "priority": asked.priority.value},
    ).all()
    if not rows:
        raise UnknownDeployment(
            "no deployment has that name", field="deployment", remedy="GET /v1/deployments lists them."
        )
    if rows[0].retired_at is not None:
        raise retired(asked.name)
    candidates = [
        Candidate(
            row.id,
            row.number,
            Stage(row.stage),
            row.waiting,
            Clock(row.running_turn, row.next_turn, row.flow_turn),
            row.stage_at,
            row.rollout,
            row.share or 0.0,
        )
        for row in rows
        if row.id is not None
    ]
    at, policy = rows[0].at, rows[0].policy
    return Addressed(at, asked.name, Task(rows[0].task), policy, _in_time(candidates, policy, at))


def draw(connection: Connection, addressed: Addressed, asked: Submission, key: UUID) -> Drawn:
    """The version for a new session or a job without one, whose id is the `key`; the pinned one, if one is.

    Raises what `pinned` raises, and Conflict for a new session on a version that leaves.
    """
    if asked.pin is None:
        return choose(addressed.name, addressed.candidates, key)
    version = pinned(connection, addressed, asked)
    if asked.session is not None and version.stage is Stage.DRAINING:
        raise Conflict(
            f"{asked.deployment} is leaving and begins no conversation",
            field="deployment",
            remedy=f"Begin it with {_successor(addressed)}.",
        )
    return Drawn(version)


def pinned(connection: Connection, addressed: Addressed, asked: Submission) -> Candidate:
    """The version that a job names. Raises UnknownVersion, NotReady, VersionRetired."""
    for candidate in addressed.candidates:
        if str(candidate.number) == asked.pin and candidate.stage is not Stage.STAGING:
            return candidate
    with Session(bind=connection) as session:
        version = named(session, asked.deployment)
    if version.stage not in (Stage.DRAINING, Stage.RETIRED, Stage.REJECTED):
        raise NotReady(
            f"{asked.deployment} is {version.stage}: it does not answer yet",
            field="deployment",
            remedy=f"Address `{addressed.name}`, or wait until the version has been released.",
        )
    state = "past its last day" if version.stage == Stage.DRAINING else version.stage
    raise VersionRetired(
        f"{asked.deployment} is {state} and answers nothing more",
        field="deployment",
        remedy=f"Address {_successor(addressed)}.",
    )


def leaving(addressed: Addressed, version: Candidate, asked: Submission) -> Leaving | None:
    """What who names a version is told of its last day; None: it stays, or nobody named it."""
    if asked.pin is None or version.stage is not Stage.DRAINING:
        return None
    return last_day(addressed.policy, version.stage_at)


def last_day(policy: dict[str, Any], since: datetime) -> Leaving:
    """Of a version that began to leave then."""
    return Leaving(since, drain_plan(policy).last_day(since))


def _in_time(candidates: list[Candidate], policy: dict[str, Any], at: datetime) -> list[Candidate]:
    """Without those whose last day is over, if there is somebody to take their place."""
    if not any(one.stage is Stage.DRAINING for one in candidates) or champion(candidates) is None:
        return candidates
    plan = drain_plan(policy)
    return [one for one in candidates if one.stage is not Stage.DRAINING or at < plan.last_day(one.stage_at)]


def _successor(addressed: Addressed) -> str:
    """Who answers in production: a challenger may be taken back."""
    first = champion(addressed.candidates)
    if first is None:
        return f"`{addressed.name}`, once it has a version in production"
    return f"`{addressed.name}@{first.number}`, which came after it, or `{addressed.name}`"
