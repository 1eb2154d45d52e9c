"""Deployments as rows: declare one, and gather what there is to know of it."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from api.views import RunView, run_view
from mainspring.access import Caller
from mainspring.errors import Conflict, UnknownDeployment, UnknownPrompts
from mainspring.registry import lock, restore
from mainspring.registry.policy import check as check_policy
from mainspring.serving.overview import ANSWERING, trouble
from mainspring.serving.views import moment, optional_moment
from mainspring.tables import (
    Deployment,
    EnginePlan,
    Event,
    HeldVersion,
    Incarnation,
    Stage,
    Task,
    TrainingRun,
    Version,
)
from mainspring.trials.prompts import named

MOST_RUNS = 100


class DeploymentView(TypedDict):
    """`production` is the version that answers, such as `assistant@3`; null until there is one, and once retired."""

    name: str
    task: str
    policy: dict[str, Any]
    production: str | None
    created_at: str
    retired_at: str | None


class StageView(TypedDict):
    version: str
    stage: str


class WorkerView(TypedDict):
    """What a live worker says of a version: loading, ready, or refused and why.

    `asked` is the engine of the policy that it last looked at, `engine` the one that serves. `environment`: all, or the
    one whose versions it holds.
    """

    incarnation: str
    host: str
    environment: str
    version: str
    state: str
    reason: str | None
    asked: str | None
    engine: str | None


class DeploymentDetail(DeploymentView):
    """`trouble`: why no worker has the version in production; null where one has, or none has said."""

    versions: list[StageView]
    training_run: RunView | None
    workers: list[WorkerView]
    trouble: str | None


def declare(
    session: Session, caller: Caller, name: str, task: Task, policy: dict[str, Any] | None
) -> DeploymentView:
    """Make it, or change its policy (None: as it was). One that was retired is back.

    Raises Conflict if it has another task, InvalidRequest for a policy that does not fit, UnknownPrompts for one that
    names a set which is not there.
    """
    check_policy(task, policy or {})
    _require_prompts(session, name, policy or {})
    actor = f"key {caller.key_id}"
    made = session.execute(
        insert(Deployment)
        .values(name=name, task=task.value, policy=policy or {})
        .on_conflict_do_nothing()
        .returning(Deployment.name)
    ).first()
    deployment = lock(session, name)
    if deployment.task != task:
        raise Conflict(
            f"`{name}` exists with the task `{deployment.task}`",
            field="task",
            remedy="A deployment keeps its task: choose another name.",
        )
    if made is not None:
        inputs = {"task": task.value, "policy": policy or {}}
        session.add(Event(kind="deployment.made", about=name, actor=actor, reason="declared", inputs=inputs))
    elif policy is not None and policy != deployment.policy:
        inputs = {"from": deployment.policy, "to": policy}
        deployment.policy = policy
        session.add(Event(kind="deployment.changed", about=name, actor=actor, reason="policy", inputs=inputs))
    if deployment.retired_at is not None:
        restore(session, deployment, actor=actor, reason="declared again")
    session.flush()
    return _view(deployment, _production(session, name))


def _require_prompts(session: Session, name: str, policy: dict[str, Any]) -> None:
    """Else the next version could not begin its rollout, or would have no reference of them."""
    for part in ("rollout", "drift"):
        called = policy.get(part, {}).get("prompts")
        if called is not None:
            _require_set(session, name, called, f"policy.{part}.prompts")


def _require_set(session: Session, name: str, called: str, field: str) -> None:
    try:
        named(session, name, called)
    except UnknownPrompts as error:
        error.field = field
        error.remedy = (
            f"Store them first: mainspring prompts {name} {called} --store FILE."
            " A new deployment is declared without them before that."
        )
        raise


def listed(session: Session) -> list[DeploymentView]:
    champions = select(Version.deployment, Version.number).where(Version.stage == Stage.PRODUCTION.value)
    numbers = {row.deployment: row.number for row in session.execute(champions)}
    rows = session.scalars(select(Deployment).order_by(Deployment.name))
    return [_view(deployment, numbers.get(deployment.name)) for deployment in rows]


def find(session: Session, name: str) -> Deployment:
    """Raises UnknownDeployment. A name that no database can hold is unknown too."""
    plain = name.isascii() and name.isprintable()
    deployment = session.get(Deployment, name) if plain else None
    if deployment is None:
        raise UnknownDeployment(
            "no deployment has that name", field="deployment", remedy="GET /v1/deployments lists them."
        )
    return deployment


def detail(session: Session, name: str) -> DeploymentDetail:
    """Raises UnknownDeployment."""
    view = _view(find(session, name), _production(session, name))
    versions, workers = versions_of(session, name), _workers(session, name)
    runs = runs_of(session, name, most=1)
    said = [
        (one["state"], one["reason"])
        for one in workers
        if one["version"] == view["production"] and one["environment"] in ANSWERING
    ]
    return {
        **view,
        "versions": [{"version": version.label, "stage": version.stage} for version in versions],
        "training_run": runs[0] if runs else None,
        "workers": workers,
        "trouble": trouble(said),
    }


def versions_of(session: Session, name: str) -> list[Version]:
    """Newest first."""
    return list(
        session.scalars(select(Version).where(Version.deployment == name).order_by(Version.number.desc()))
    )


def reasons_of(session: Session, name: str) -> dict[str, str]:
    """By the labels of its versions, why each is in its stage."""
    label = func.concat(Version.deployment, "@", Version.number)
    latest = (
        select(Event.about, Event.reason)
        .join(Version, label == Event.about)
        .where(Version.deployment == name, Event.kind == "version.advanced")
        .ext(distinct_on(Event.about))
        .order_by(Event.about, Event.id.desc())
    )
    return {row.about: row.reason for row in session.execute(latest)}


def plans_of(session: Session, name: str) -> dict[UUID, list[EnginePlan]]:
    """How its versions run, by version; on the machine first that loaded one last."""
    found: dict[UUID, list[EnginePlan]] = {}
    rows = session.scalars(
        select(EnginePlan)
        .join(Version, Version.id == EnginePlan.version_id)
        .where(Version.deployment == name)
        .order_by(EnginePlan.at.desc())
    )
    for row in rows:
        found.setdefault(row.version_id, []).append(row)
    return found


def runs_of(session: Session, name: str, most: int = MOST_RUNS) -> list[RunView]:
    """Newest first."""
    found = session.execute(
        select(TrainingRun, Version.number)
        .outerjoin(Version, Version.id == TrainingRun.version_id)
        .where(TrainingRun.deployment == name)
        .order_by(TrainingRun.created_at.desc(), TrainingRun.id.desc())
        .limit(most)
    )
    return [run_view(run, number) for run, number in found]


def _workers(session: Session, name: str) -> list[WorkerView]:
    found = session.execute(
        select(HeldVersion, Incarnation, Version)
        .join(Incarnation, Incarnation.id == HeldVersion.incarnation)
        .join(Version, Version.id == HeldVersion.version_id)
        .where(Version.deployment == name, Incarnation.ended_at.is_(None))
        .where(Incarnation.lease_until > func.now())
        .order_by(Incarnation.started_at, Version.number)
    )
    return [
        {
            "incarnation": str(held.incarnation),
            "host": life.host,
            "environment": life.environment,
            "version": version.label,
            "state": held.state,
            "reason": held.reason,
            "asked": held.engine.get("asked"),
            "engine": held.engine.get("name"),
        }
        for held, life, version in found
    ]


def _production(session: Session, name: str) -> int | None:
    return session.scalar(
        select(Version.number).where(Version.deployment == name, Version.stage == Stage.PRODUCTION.value)
    )


def _view(deployment: Deployment, number: int | None) -> DeploymentView:
    return {
        "name": deployment.name,
        "task": deployment.task,
        "policy": deployment.policy,
        "production": None if number is None else f"{deployment.name}@{number}",
        "created_at": moment(deployment.created_at),
        "retired_at": optional_moment(deployment.retired_at),
    }
