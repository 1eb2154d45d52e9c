"""Keep what was asked and answered in a sample of the jobs that were looked at; lock what waited for a key; lock anew."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from mainspring.errors import TextLocked
from mainspring.kept.keys import Keys, Locked
from mainspring.kept.plan import text_plan
from mainspring.observe.eyes import Seen
from mainspring.observe.sampling import drawn
from mainspring.tables import Deployment, Job, JobState, KeptText
from mainspring.terms import Task

MOST = 500  # a pass
# Not of one that its guard has blocked, that was taken back, or that nobody has worked on in time.
_ENDS = (JobState.SUCCEEDED, JobState.FAILED)
_KEEP = insert(KeptText).on_conflict_do_nothing()
_WAITING = (
    select(KeptText.job_id, Job.input, Job.output, Deployment.task)
    .join(Job, Job.id == KeptText.job_id)
    .join(Deployment, Deployment.name == KeptText.deployment)
    .where(KeptText.content.is_(None), KeptText.leaves_at > func.clock_timestamp())
    .order_by(KeptText.job_id)
    .limit(MOST)
    .with_for_update(of=KeptText, skip_locked=True)
)
_LOCK = (
    update(KeptText)
    .where(KeptText.job_id == bindparam("its_job"))
    .values(key=bindparam("to_key"), content=bindparam("to_content"))
)


class Kept(NamedTuple):
    """`waiting`: those for which no key was there."""

    kept: int = 0
    waiting: int = 0


def keep(connection: Connection, keys: Keys, jobs: Sequence[Seen]) -> Kept:
    """In the transaction in which they were looked at. The sample is stable: of two shares the smaller one's is in the larger's."""
    rows = [row for job in jobs if (row := _row(keys, job)) is not None]
    if not rows:
        return Kept()
    connection.execute(_KEEP, rows)
    return Kept(len(rows), 0) if keys else Kept(0, len(rows))


def fill(connection: Connection, keys: Keys) -> int:
    """Lock some of what has waited for a key; how many. In a transaction."""
    if not keys:
        return 0
    found = connection.execute(_WAITING).all()
    return _lock(
        connection,
        [(row.job_id, keys.lock(row.job_id, _said(row.task, row.input, row.output))) for row in found],
    )


def renew(connection: Connection, keys: Keys, after: UUID | None) -> tuple[int, UUID | None]:
    """Lock with the newest key what an older one has locked, so that the older may go. In a transaction.

    Some, behind this job; how many, and the last that was looked at, None: there is none behind it. What cannot be opened
    stays as it is.
    """
    asked = select(KeptText.job_id, KeptText.key, KeptText.content).where(KeptText.key.in_(keys.names[1:]))
    if after is not None:
        asked = asked.where(KeptText.job_id > after)
    found = connection.execute(
        asked.order_by(KeptText.job_id).limit(MOST).with_for_update(skip_locked=True)
    ).all()
    opened = []
    for row in found:
        with suppress(TextLocked):
            said = keys.open(row.job_id, Locked(row.key, row.content))
            opened.append((row.job_id, keys.lock(row.job_id, said)))
    return _lock(connection, opened), found[-1].job_id if found else None


def _row(keys: Keys, job: Seen) -> dict[str, Any] | None:
    """None: it is not kept."""
    plan = text_plan(job.policy)
    if plan is None or job.state not in _ENDS or not drawn(job.job_id, plan.share):
        return None
    locked = keys.lock(job.job_id, _said(job.task, job.input, job.output)) if keys else None
    return {
        "job_id": job.job_id,
        "deployment": job.deployment,
        "at": job.at,
        "leaves_at": job.at + timedelta(days=plan.days),
        "key": None if locked is None else locked.key,
        "content": None if locked is None else locked.content,
    }


def _said(task: str, given: Any, output: Any) -> dict[str, Any]:
    """A vector is no text."""
    return {"input": given, "output": None if task == Task.FEATURE_EXTRACTION else output}


def _lock(connection: Connection, rows: Sequence[tuple[UUID, Locked]]) -> int:
    if rows:
        connection.execute(
            _LOCK,
            [{"its_job": job, "to_key": locked.key, "to_content": locked.content} for job, locked in rows],
        )
    return len(rows)
