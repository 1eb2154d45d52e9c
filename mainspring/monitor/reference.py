"""What was normal for a version: kept as it is, replaced only on demand.

Of its first answered requests; or of a set of prompts as far as these tell, and then of its first answers for the rest.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.errors import InvalidRequest
from mainspring.identifiers import uuid7
from mainspring.monitor.arrays import Arrays, digest, packed, unpacked
from mainspring.monitor.batch import Batch, after, last
from mainspring.monitor.normal import arrays_of, measured, with_others
from mainspring.observe import texts
from mainspring.tables import Event, Job, JobState, Observation, Reference, Version, constant

ACTOR = "monitor"
TRAFFIC = "traffic"


def current(session: Session, version: UUID) -> Reference | None:
    """The one that counts."""
    return session.scalar(
        select(Reference)
        .where(Reference.version_id == version)
        .order_by(Reference.made_at.desc(), Reference.id.desc())
        .limit(1)
    )


def begin(session: Session, version: Version, size: int) -> Reference | None:
    """Of the version's first so many answered requests; None while there are fewer."""
    batch = after(session.connection(), version.id, 0, size, answered=True)
    if len(batch) < size:
        return None
    return _of_traffic(session, version, batch, actor=ACTOR, reason=f"its first {size} answered requests")


def replace(session: Session, version: Version, size: int, *, actor: str, reason: str) -> Reference:
    """Of its latest so many answered requests: from now on that is normal. Raises InvalidRequest while there are fewer."""
    batch = last(session.connection(), version.id, newest(session, version.id), size, answered=True)
    if len(batch) < size:
        raise InvalidRequest(
            f"{version.label} has answered {len(batch)} requests that were looked at, and a reference takes {size}",
            field="version",
            remedy="Wait for more requests, or set `reference` in the policy's `drift` lower.",
        )
    return _of_traffic(session, version, batch, actor=actor, reason=reason)


def gathered(session: Session, version: UUID, most: int) -> int:
    """How many answers there are to make one of, up to so many."""
    some = (
        select(Observation.seq)
        .where(
            Observation.version_id == version,
            Observation.seq.is_not(None),
            Observation.state == constant(JobState.SUCCEEDED),
        )
        .limit(most)
    )
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def newest(session: Session, version: UUID) -> int:
    """The place in the order of what was looked at last of it."""
    return session.scalar(select(func.max(Observation.seq)).where(Observation.version_id == version)) or 0


def of_prompts(
    session: Session, version: Version, arrays: Arrays, *, size: int, origin: str, actor: str, reason: str
) -> Reference:
    """What prompts do not tell stays as it was taken from traffic before; a version without that awaits it."""
    before, place = current(session, version.id), newest(session, version.id)
    kept = {} if before is None else _from_traffic(before)
    return _kept(
        session,
        version,
        with_others(arrays, kept),
        size=size,
        origin=origin,
        origins=dict.fromkeys(measured(kept), TRAFFIC) | dict.fromkeys(measured(arrays), origin),
        awaits_traffic=not kept,
        first_seq=place if before is None or not kept else before.first_seq,
        last_seq=place,
        made_by=actor,
        reason=reason,
    )


def completed(
    session: Session, version: Version, part: Reference, arrays: Arrays, *, until: int, size: int
) -> Reference | None:
    """What prompts did not tell, of its first so many answered requests; None while there are fewer up to that place."""
    if gathered(session, version.id, size) < size:
        return None
    batch = after(session.connection(), version.id, 0, size, answered=True)
    session.execute(select(Version.id).where(Version.id == version.id).with_for_update(key_share=True))
    still = current(session, version.id)
    if batch.seqs[-1] > until or still is None or still.id != part.id:
        return None
    others = arrays_of(batch, {})
    return _kept(
        session,
        version,
        with_others(arrays, others),
        size=part.size,
        origin=part.origin,
        origins=dict.fromkeys(measured(others), TRAFFIC) | dict.fromkeys(measured(arrays), part.origin),
        first_seq=part.first_seq,
        last_seq=batch.seqs[-1],
        made_by=ACTOR,
        reason=f"{part.reason}; what these do not tell, of its first {size} answered requests",
    )


def _from_traffic(made: Reference) -> Arrays:
    arrays = unpacked(made.content)
    return {name: arrays[name] for name in measured(arrays) if made.origins.get(name, made.origin) == TRAFFIC}


def _of_traffic(session: Session, version: Version, batch: Batch, *, actor: str, reason: str) -> Reference:
    rows = session.execute(select(Job.id, Job.input).where(Job.id.in_(batch.jobs)))
    return _kept(
        session,
        version,
        arrays_of(batch, {row.id: texts.asked(row.input) for row in rows}),
        size=len(batch),
        origin=TRAFFIC,
        first_seq=batch.seqs[0],
        last_seq=batch.seqs[-1],
        made_by=actor,
        reason=reason,
    )


def _kept(session: Session, version: Version, arrays: Arrays, **columns: Any) -> Reference:
    made = Reference(
        id=uuid7(), version_id=version.id, digest=digest(arrays), content=packed(arrays), **columns
    )
    session.add(made)
    inputs: dict[str, Any] = {"reference": str(made.id), "digest": made.digest, "size": made.size}
    inputs["origins"] = made.origins or made.origin
    session.add(
        Event(
            kind="reference.made", about=version.label, actor=made.made_by, reason=made.reason, inputs=inputs
        )
    )
    session.flush()
    return made
