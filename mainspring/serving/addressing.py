"""What acceptance sees of a deployment: its live versions, which of them a job is for, and whether that one is leaving."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, bindparam, func, select
from sqlalchemy.orm import Session

from mainspring.access import Caller
from mainspring.errors import NotReady, UnknownDeployment, VersionRetired
from mainspring.lifecycle import LIVE
from mainspring.registry import named, retired
from mainspring.release.draining import drain_plan
from mainspring.serving import backlog
from mainspring.serving.receipt import Leaving, Submission
from mainspring.serving.route import Candidate, Drawn, choose
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
    """A deployment as acceptance sees it at a moment: its task, policy and live versions."""

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
    return Addressed(rows[0].at, asked.name, Task(rows[0].task), rows[0].policy, candidates)


def draw(connection: Connection, addressed: Addressed, asked: Submission, key: UUID) -> Drawn:
    """The version for a new session or a job without one, whose id is the `key`; the pinned one, if one is.

    Raises NotReady, UnknownVersion, VersionRetired.
    """
    if asked.pin is None:
        return choose(addressed.name, addressed.candidates, key)
    for candidate in addressed.candidates:
        if str(candidate.number) == asked.pin and candidate.stage is not Stage.STAGING:
            return Drawn(candidate)
    with Session(bind=connection) as session:
        version = named(session, asked.deployment)
    if version.stage not in (Stage.RETIRED, Stage.REJECTED):
        raise NotReady(
            f"{asked.deployment} is {version.stage}: it does not answer yet",
            field="deployment",
            remedy=f"Address `{addressed.name}`, or wait until the version has been released.",
        )
    champion = choose(addressed.name, addressed.candidates, key).version
    raise VersionRetired(
        f"{asked.deployment} is {version.stage} and answers nothing more",
        field="deployment",
        remedy=f"Address `{addressed.name}@{champion.number}`, which came after it, or `{addressed.name}`.",
    )


def leaving(addressed: Addressed, version: Candidate) -> Leaving | None:
    if version.stage is not Stage.DRAINING:
        return None
    seconds = drain_plan(addressed.policy).deadline_seconds
    return Leaving(version.stage_at, version.stage_at + timedelta(seconds=seconds))
