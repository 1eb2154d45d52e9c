"""Look at the jobs that have ended since: their texts become vectors, and their observations get a place in the order.

One looker at a time, and each pass is one transaction: so `seq` grows in the order of the commits, and whoever has read
up to one of them has missed none before it. A pass that is killed has looked at nothing.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal_column, select, text, update

from mainspring.observe.eyes import COLUMNS, Eyes, Seen
from mainspring.tables import Deployment, Job, Observation

MOST = 500  # a pass: its transaction is short
_LOCK = 4242003
_NEXT = func.nextval(literal_column("'observations_seq'"))
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
    )
    .join(Job, Job.id == Observation.job_id)
    .join(Deployment, Deployment.name == Job.deployment)
    .where(Observation.seq.is_(None))
    .order_by(Observation.at)
    .limit(MOST)
)
_SEEN = (
    update(Observation)
    .where(Observation.job_id == bindparam("its_job"), Observation.at == bindparam("its_at"))
    .values(seq=_NEXT, **{name: bindparam(f"to_{name}") for name in COLUMNS})
)
# Of a job that is gone nothing can be looked at any more; it still has its place.
_ORPHANS = (
    update(Observation)
    .where(Observation.seq.is_(None), ~select(Job.id).where(Job.id == Observation.job_id).exists())
    .values(seq=_NEXT)
)


@dataclass(frozen=True)
class Looked:
    """`encoded`: of those seen, by the frozen encoder. `more`: there may be others that wait."""

    seen: int
    encoded: int = 0
    more: bool = False


def look(connection: Connection, eyes: Eyes) -> Looked:
    """One pass, in the caller's transaction."""
    if not connection.scalar(text("select pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}):
        return Looked(0)
    rows = connection.execute(_UNSEEN).all()
    if not rows:
        connection.execute(_ORPHANS)
        return Looked(0)
    seen = eyes.look([Seen(*row) for row in rows])
    connection.execute(_SEEN, [_values(one) for one in seen])
    encoded = sum(one.sampled is not None for one in seen)
    return Looked(len(rows), encoded, more=len(rows) == MOST)


def _values(one: Seen) -> dict[str, Any]:
    return {"its_job": one.job_id, "its_at": one.at} | {f"to_{name}": getattr(one, name) for name in COLUMNS}
