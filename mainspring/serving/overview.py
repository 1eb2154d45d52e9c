"""What waits, what runs and who serves it, counted over all tenants: for operators, not for the road of a job.

It reads every unfinished job once, through the indexes of the queue.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, case, func, select
from typing_extensions import TypedDict

from mainspring.settings import Environment
from mainspring.tables import (
    ChatSession,
    Delivery,
    DeliveryState,
    Deployment,
    HeldVersion,
    Incarnation,
    Job,
    JobState,
    Priority,
    Stage,
    Version,
    engine_wish,
)


class Served(TypedDict):
    """`engine` is the policy's, `serving` are those that live workers have, such as `slots`, or their state.

    `trouble`: why no worker has the version in production.
    """

    name: str
    task: str
    production: str | None
    engine: str
    serving: list[str]
    trouble: str | None


class Queue(TypedDict):
    """`in_session`: waits for an earlier job of its session. `oldest_seconds` has waited longest."""

    deployment: str
    priority: str
    queued: int
    in_session: int
    running: int
    oldest_seconds: float | None


class Sessions(TypedDict):
    """`active`: with a job that has not ended."""

    all: int
    active: int


class Deliveries(TypedDict):
    """Webhooks: `waiting` are due or will be tried again; `ahead` are those whose job has not ended."""

    waiting: int
    ahead: int
    delivered: int
    abandoned: int


class Overview(TypedDict):
    """Without the deployments that were retired; their queues are there until they are empty."""

    deployments: list[Served]
    queues: list[Queue]
    sessions: Sessions
    deliveries: Deliveries


ANSWERING = (Environment.ALL.value, Environment.PRODUCTION.value)  # whose workers hold what answers clients
_UNFINISHED = Job.state.in_([JobState.QUEUED.value, JobState.RUNNING.value])
_IS_QUEUED = Job.state == JobState.QUEUED.value
_QUEUES = (
    select(
        Job.deployment,
        Job.priority,
        func.count().filter(_IS_QUEUED, Job.after.is_(None)).label("queued"),
        func.count().filter(_IS_QUEUED, Job.after.is_not(None)).label("in_session"),
        func.count().filter(~_IS_QUEUED).label("running"),
        func.extract("epoch", func.now() - func.min(case((_IS_QUEUED, Job.created_at)))).label("oldest"),
    )
    .where(_UNFINISHED)
    .group_by(Job.deployment, Job.priority)
    .order_by(Job.deployment)
)
_DEPLOYMENTS = (
    select(Deployment.name, Deployment.task, Deployment.policy, Version.number)
    .outerjoin(Version, (Version.deployment == Deployment.name) & (Version.stage == Stage.PRODUCTION.value))
    .where(Deployment.retired_at.is_(None))
    .order_by(Deployment.name)
)
_HELD = (
    select(Version.deployment, HeldVersion.state, HeldVersion.reason, HeldVersion.engine)
    .join(Version, Version.id == HeldVersion.version_id)
    .join(Incarnation, Incarnation.id == HeldVersion.incarnation)
    .where(Incarnation.ended_at.is_(None), Incarnation.lease_until > func.now())
    .where(Version.stage == Stage.PRODUCTION.value, Incarnation.environment.in_(ANSWERING))
    .order_by(Incarnation.started_at)
)
_SESSIONS = select(
    select(func.count()).select_from(ChatSession).scalar_subquery(),
    select(func.count(Job.session_id.distinct())).where(_UNFINISHED).scalar_subquery(),
)
_DELIVERIES = (
    select(Delivery.state, Job.finished_at.is_(None).label("ahead"), func.count().label("many"))
    .join(Job, Job.id == Delivery.job_id)
    .group_by(Delivery.state, Job.finished_at.is_(None))
)


def overview(connection: Connection) -> Overview:
    """As it is at this moment; each part by one statement."""
    every, active = connection.execute(_SESSIONS).one()
    return {
        "deployments": _deployments(connection),
        "queues": _queues(connection),
        "sessions": {"all": every, "active": active},
        "deliveries": _deliveries(connection),
    }


def trouble(said: Iterable[tuple[str, str | None]]) -> str | None:
    """Why nobody has a version, from the state and the reason that each live worker gave; None if one has it or loads it."""
    reasons = dict(said)
    return None if {"ready", "loading"} & reasons.keys() else reasons.get("refused")


def _deployments(connection: Connection) -> list[Served]:
    serving: dict[str, list[str]] = {}
    said: dict[str, list[tuple[str, str | None]]] = {}
    for row in connection.execute(_HELD):
        serving.setdefault(row.deployment, []).append(str(row.engine.get("name") or row.state))
        said.setdefault(row.deployment, []).append((row.state, row.reason))
    return [
        {
            "name": row.name,
            "task": row.task,
            "production": None if row.number is None else f"{row.name}@{row.number}",
            "engine": engine_wish(row.policy).name.value,
            "serving": sorted(serving.get(row.name, [])),
            "trouble": trouble(said.get(row.name, [])),
        }
        for row in connection.execute(_DEPLOYMENTS)
    ]


def _queues(connection: Connection) -> list[Queue]:
    order: dict[Any, int] = {priority.value: index for index, priority in enumerate(Priority)}
    found: list[Queue] = [
        {
            "deployment": row.deployment,
            "priority": row.priority,
            "queued": row.queued,
            "in_session": row.in_session,
            "running": row.running,
            "oldest_seconds": None if row.oldest is None else round(float(row.oldest), 3),
        }
        for row in connection.execute(_QUEUES)
    ]
    return sorted(found, key=lambda queue: (queue["deployment"], order[queue["priority"]]))


def _deliveries(connection: Connection) -> Deliveries:
    found: Deliveries = {"waiting": 0, "ahead": 0, "delivered": 0, "abandoned": 0}
    for row in connection.execute(_DELIVERIES):
        if row.state == DeliveryState.WAITING and row.ahead:
            found["ahead"] += row.many
        elif row.state == DeliveryState.WAITING:
            found["waiting"] += row.many
        elif row.state == DeliveryState.DELIVERED:
            found["delivered"] += row.many
        else:
            found["abandoned"] += row.many
    return found
