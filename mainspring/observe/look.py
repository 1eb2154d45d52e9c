"""Look at the jobs that have ended since: their texts become vectors, and their observations get a place in the order.

One looker at a time, and each pass is one transaction: so `seq` grows in the order of the commits, and whoever has read
up to one of them has missed none before it. A pass that is killed has looked at nothing.

The order is that of acceptance, as far as can be: engines end short requests first, and in the order of their ends a
burst would look like requests that grow longer, which is drift where there is none. So a job is looked at when those
that were accepted before it no longer run, or when it has waited PATIENCE_SECONDS for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Dialect,
    String,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects import postgresql

from mainspring.observe.eyes import COLUMNS, Eyes, Seen
from mainspring.observe.said import loss
from mainspring.observe.turns import AGAIN, BEFORE, BEGINS
from mainspring.tables import ChatSession, Deployment, Feedback, Job, JobState, Observation, constant

MOST = 500  # a pass: its transaction is short
_LOCK = 4242003
PATIENCE_SECONDS = 10
_NEXT = func.nextval(literal_column("'observations_seq'"))
# By version, the first accepted of those that run.
_RUNNING = (
    select(Job.version_id, func.min(cast(Job.id, String)).label("first"))
    .where(Job.state == constant(JobState.RUNNING))
    .group_by(Job.version_id)
    .cte("running")
)
# The longest unseen, so that a pass costs the same however many wait after an outage.
_WAITING = (
    select(Observation.job_id, Observation.at)
    .where(Observation.seq.is_(None))
    .order_by(Observation.at)
    .limit(8 * MOST)
    .cte("waiting")
)
_UNSEEN = (
    select(
        Observation.job_id,
        Observation.at,
        Observation.state,
        Job.input,
        Job.output,
        Job.deployment,
        Job.tenant_id,
        Job.session_id,
        Deployment.task,
        Deployment.policy,
        BEGINS,
        AGAIN,
        Job.left_at.is_not(None),
    )
    .join(Job, Job.id == Observation.job_id)
    .join(Deployment, Deployment.name == Job.deployment)
    .outerjoin(ChatSession, ChatSession.id == Job.session_id)
    .outerjoin(BEFORE, true())
    .join(_WAITING, and_(_WAITING.c.job_id == Observation.job_id, _WAITING.c.at == Observation.at))
    .outerjoin(_RUNNING, _RUNNING.c.version_id == Observation.version_id)
    .where(
        or_(
            _RUNNING.c.first.is_(None),
            cast(Observation.job_id, String) < _RUNNING.c.first,
            Observation.at < func.now() - timedelta(seconds=PATIENCE_SECONDS),
        )
    )
    .order_by(Observation.job_id)
    .limit(MOST)
)
_IDENTITY = ("job_id", "at")
_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def _arrays(names: Sequence[str]) -> str:
    """Of values of these columns, a parameter each; in binary: bytes as text are twice as long."""
    kinds = {name: Observation.__table__.c[name].type.compile(_DIALECT) for name in names}
    return ", ".join(f"cast(%({name})b as {kind}[])" for name, kind in kinds.items())


# One statement for all of them, which get their places in the order of the arrays.
_SEEN = f"""
    with given as materialized (
        select nextval('observations_seq') as seq, ordered.* from (
            select * from unnest({_arrays(_IDENTITY + COLUMNS)}) with ordinality
                as given({", ".join(_IDENTITY + COLUMNS)}, place) order by place
        ) ordered
    )
    update observations set seq = given.seq, {", ".join(f"{name} = given.{name}" for name in COLUMNS)}
    from given where observations.job_id = given.job_id and observations.at = given.at
"""  # noqa: S608  names of our columns
# What was said of answers takes its place among them in the order in which it is heard, however late.
_UNHEARD = (
    select(Feedback.id, Feedback.kind, Feedback.value, Job.output, Job.version_id, Job.finished_at)
    .join(Job, Job.id == Feedback.job_id)
    .where(Feedback.seq.is_(None))
    .order_by(Feedback.created_at, Feedback.id)
    .limit(MOST)
)
_HEARD = (
    update(Feedback)
    .where(Feedback.id == bindparam("its_id"))
    .values(seq=_NEXT, version_id=bindparam("to_version"), at=bindparam("to_at"), loss=bindparam("to_loss"))
)
# Of a job that is gone nothing can be looked at any more; it still has its place.
_ORPHANS = (
    update(Observation)
    .where(Observation.seq.is_(None), ~select(Job.id).where(Job.id == Observation.job_id).exists())
    .values(seq=_NEXT)
)


@dataclass(frozen=True)
class Looked:
    """`encoded`: of those seen, by the frozen encoder. `heard`: what was said of answers. `more`: others may wait.

    `jobs`: those seen, with their texts.
    """

    seen: int
    encoded: int = 0
    heard: int = 0
    more: bool = False
    jobs: Sequence[Seen] = field(default=(), compare=False, repr=False)


def look(connection: Connection, eyes: Eyes) -> Looked:
    """One pass, in the caller's transaction."""
    if not connection.scalar(text("select pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}):
        return Looked(0)
    heard = _hear(connection)
    rows = connection.execute(_UNSEEN).all()
    if not rows:
        connection.execute(_ORPHANS)
        return Looked(0, heard=heard, more=heard == MOST)
    seen = eyes.look([Seen(*row) for row in rows])
    connection.exec_driver_sql(_SEEN, _columns(seen))
    encoded = sum(one.sampled is not None for one in seen)
    return Looked(len(rows), encoded, heard, more=MOST in (len(rows), heard), jobs=seen)


def _hear(connection: Connection) -> int:
    rows = connection.execute(_UNHEARD).all()
    values = [
        {
            "its_id": row.id,
            "to_version": row.version_id,
            "to_at": row.finished_at,
            "to_loss": loss(row.kind, row.value, row.output),
        }
        for row in rows
    ]
    if values:
        connection.execute(_HEARD, values)
    return len(values)


def _columns(seen: Sequence[Seen]) -> dict[str, list[Any]]:
    return {name: [getattr(one, name) for one in seen] for name in _IDENTITY + COLUMNS}
