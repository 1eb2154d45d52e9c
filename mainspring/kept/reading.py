"""Who reads what was kept is in the log of events before it is read. What is past its time is not shown, also before it has
left."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from mainspring.errors import NotFound, TextLocked
from mainspring.kept.keys import Keys, Locked
from mainspring.kept.leaving import over
from mainspring.kept.plan import text_plan
from mainspring.tables import Deployment, Event, Job, KeptText, Version

_SET_KEYS = "Set MAINSPRING_TEXT_KEYS where the ops workers run, and start them again."


class Reader(NamedTuple):
    """`tenant`: whose texts it may see; None: all. `actor` and `reason` are for the log of events."""

    tenant: UUID | None
    actor: str
    reason: str


class TextView(TypedDict):
    """`input` and `output` as the job has them; null, with the `trouble`, where they cannot be opened."""

    job: str
    version: str
    ended_at: str
    leaves_at: str
    input: Any
    output: Any
    trouble: str | None


class StateView(TypedDict):
    """`share` and `days`: of the policy, null where it keeps none. `kept`: how many are there, `oldest`: the end of the first
    job of them; `waiting`: for a key that the workers do not have; `locked`: under a key that the api does not have;
    `older`: under one that is not the newest, until they are locked anew.
    """

    deployment: str
    share: float | None
    days: float | None
    kept: int
    oldest: str | None
    waiting: int
    locked: int
    older: int


def state(session: Session, deployment: Deployment, keys: Keys) -> StateView:
    plan = text_plan(deployment.policy)
    found = session.execute(
        select(KeptText.key, func.count(), func.min(KeptText.at))
        .where(KeptText.deployment == deployment.name, ~over(plan, datetime.now(UTC)))
        .group_by(KeptText.key)
    ).all()
    counts: dict[str | None, int] = {key: count for key, count, _ in found}
    waiting, newest = counts.pop(None, 0), keys.names[:1]
    oldest = min((first for key, _, first in found if key is not None), default=None)
    return {
        "deployment": deployment.name,
        "share": None if plan is None else plan.share,
        "days": None if plan is None else plan.days,
        "kept": sum(counts.values()),
        "oldest": None if oldest is None else oldest.isoformat(),
        "waiting": waiting,
        "locked": sum(count for key, count in counts.items() if key not in keys.names),
        "older": sum(count for key, count in counts.items() if key not in newest),
    }


def kept_of(session: Session, deployment: Deployment, jobs: Iterable[UUID]) -> set[UUID]:
    """Which of these have a text that was kept, whoever may read it."""
    plan = text_plan(deployment.policy)
    return set(
        session.scalars(
            select(KeptText.job_id).where(KeptText.job_id.in_(jobs), ~over(plan, datetime.now(UTC)))
        )
    )


def read(
    session: Session, deployment: Deployment, keys: Keys, jobs: Iterable[UUID], who: Reader
) -> dict[UUID, TextView]:
    """By job; of those that are kept and that this reader may see. One event for all that is opened."""
    views, opened = {}, []
    for row, version in _found(session, deployment, jobs, who):
        try:
            said = content_of(row, keys)
        except TextLocked as locked:
            views[row.job_id] = _view(row, version, {}, locked.detail)
        else:
            views[row.job_id] = _view(row, version, said)
            opened.append(row.job_id)
    if opened:
        _say(session, deployment, opened, who)
    return views


def read_one(session: Session, deployment: Deployment, keys: Keys, job: UUID, who: Reader) -> TextView:
    """Raises NotFound, TextLocked."""
    found = _found(session, deployment, [job], who)
    if not found:
        raise NotFound(
            "of no such job a text is kept",
            field="job",
            remedy=f"GET /v1/deployments/{deployment.name}/texts says how many are kept.",
        )
    [(row, version)] = found
    view = _view(row, version, content_of(row, keys))
    _say(session, deployment, [job], who)
    return view


def content_of(row: KeptText, keys: Keys) -> dict[str, Any]:
    """Whoever shows it to a person says so in the log of events first. Raises TextLocked."""
    if row.key is None or row.content is None:
        raise TextLocked("this waits for a key to be kept under", remedy=_SET_KEYS)
    return keys.open(row.job_id, Locked(row.key, row.content))


def _found(
    session: Session, deployment: Deployment, jobs: Iterable[UUID], who: Reader
) -> list[tuple[KeptText, Version]]:
    plan = text_plan(deployment.policy)
    asked = (
        select(KeptText, Version)
        .join(Job, Job.id == KeptText.job_id)
        .join(Version, Version.id == Job.version_id)
        .where(KeptText.job_id.in_(jobs), KeptText.deployment == deployment.name)
        .where(~over(plan, datetime.now(UTC)))
        .order_by(KeptText.job_id)
    )
    if who.tenant is not None:
        asked = asked.where(Job.tenant_id == who.tenant)
    return [(row, version) for row, version in session.execute(asked)]


def _say(session: Session, deployment: Deployment, jobs: list[UUID], who: Reader) -> None:
    """Before the transaction ends, without which nobody sees what was opened."""
    inputs = {"jobs": [str(job) for job in jobs]}
    session.add(
        Event(kind="text.read", about=deployment.name, actor=who.actor, reason=who.reason, inputs=inputs)
    )
    session.flush()


def _view(row: KeptText, version: Version, said: dict[str, Any], trouble: str | None = None) -> TextView:
    return {
        "job": str(row.job_id),
        "version": version.label,
        "ended_at": row.at.isoformat(),
        "leaves_at": row.leaves_at.isoformat(),
        "input": said.get("input"),
        "output": said.get("output"),
        "trouble": trouble,
    }
