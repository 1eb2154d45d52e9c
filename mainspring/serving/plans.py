"""The plans by which versions run on kinds of machines: measured once, kept with the version, taken over by the next."""

from dataclasses import asdict
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from mainspring.serving.engine import Plan
from mainspring.tables import EnginePlan, Version


def known_plan(session: Session, version_id: UUID, machine: str, asked: str) -> Plan | None:
    """Its own or, before it has one, that of the latest version of its deployment that is of the same shape."""
    this, other = aliased(Version), aliased(Version)
    row = session.scalar(
        select(EnginePlan)
        .join(other, other.id == EnginePlan.version_id)
        .join(this, this.deployment == other.deployment)
        .where(this.id == version_id, EnginePlan.machine == machine, EnginePlan.asked == asked)
        .where(other.architecture == this.architecture, other.parameters == this.parameters)
        .where(other.context_length.is_not_distinct_from(this.context_length))
        .order_by((other.id == this.id).desc(), other.number.desc())
        .limit(1)
    )
    return None if row is None else _plan(row)


def keep_plan(session: Session, version_id: UUID, machine: str, asked: str, plan: Plan) -> None:
    """In place of what was kept before."""
    key = {"version_id": version_id, "machine": machine, "asked": asked}
    values = asdict(plan)
    session.execute(
        insert(EnginePlan)
        .values(**key, **values)
        .on_conflict_do_update(index_elements=list(key), set_=values | {"at": func.now()})
    )


def _plan(row: EnginePlan) -> Plan:
    return Plan(row.engine, row.slots, row.threads, row.dtype, row.tried, row.reason)
