"""What was normal for a version: made once of its first answered requests, kept as it is, replaced only on demand."""

from collections import Counter
from typing import Any
from uuid import UUID

import numpy as np
import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.errors import InvalidRequest
from mainspring.identifiers import uuid7
from mainspring.monitor import terms
from mainspring.monitor.arrays import Arrays, digest, packed
from mainspring.monitor.batch import VECTORS, Batch, after, last
from mainspring.monitor.features import SEGMENTED
from mainspring.monitor.segments import labels
from mainspring.monitor.subjects import Subject, subjects
from mainspring.observe import texts
from mainspring.tables import Event, Job, JobState, Observation, Reference, Version, constant

ACTOR = "monitor"
_LEAST = 20  # numbers without which a column says nothing of what is normal
_MOST_WORDS = 20_000


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
    return _made(session, version, batch, actor=ACTOR, reason=f"its first {size} answered requests")


def replace(session: Session, version: Version, size: int, *, actor: str, reason: str) -> Reference:
    """Of its latest so many answered requests: from now on that is normal. Raises InvalidRequest while there are fewer."""
    newest = (
        session.scalar(select(func.max(Observation.seq)).where(Observation.version_id == version.id)) or 0
    )
    batch = last(session.connection(), version.id, newest, size, answered=True)
    if len(batch) < size:
        raise InvalidRequest(
            f"{version.label} has answered {len(batch)} requests that were looked at, and a reference takes {size}",
            field="version",
            remedy="Wait for more requests, or set `reference` in the policy's `drift` lower.",
        )
    return _made(session, version, batch, actor=actor, reason=reason)


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


def words_of(arrays: Arrays) -> tuple[Counter[str], int]:
    """In how many of the reference's texts each word was, and how many texts there were."""
    found = _named(arrays)
    return Counter(found["counts"]), found["texts"]


def subjects_of(arrays: Arrays) -> list[Subject]:
    """What it was about."""
    named = _named(arrays)["subjects"]
    return [
        Subject(one["words"], one["share"], centre)
        for one, centre in zip(named, arrays.get("centres", []), strict=True)
    ]


def _named(arrays: Arrays) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(arrays["words"].tobytes())
    return found


def _made(session: Session, version: Version, batch: Batch, *, actor: str, reason: str) -> Reference:
    arrays = _arrays(batch) | _words(session, batch)
    made = Reference(
        id=uuid7(),
        version_id=version.id,
        origin="traffic",
        size=len(batch),
        first_seq=batch.seqs[0],
        last_seq=batch.seqs[-1],
        digest=digest(arrays),
        content=packed(arrays),
        made_by=actor,
        reason=reason,
    )
    session.add(made)
    inputs: dict[str, Any] = {"reference": str(made.id), "digest": made.digest, "size": made.size}
    session.add(Event(kind="reference.made", about=version.label, actor=actor, reason=reason, inputs=inputs))
    session.flush()
    return made


def _arrays(batch: Batch) -> Arrays:
    found: Arrays = {}
    places, _ = batch.vectors[SEGMENTED]
    found["segments"] = np.array([labels(batch, place) for place in places], np.str_)
    for name in VECTORS:
        _, rows = batch.vectors[name]
        if len(rows) >= _LEAST:
            found[name] = rows.astype(np.float16)
    for name, column in batch.numbers.items():
        known = column[np.isfinite(column)]
        if len(known) >= _LEAST:
            found[name] = known
    return found


def _words(session: Session, batch: Batch) -> Arrays:
    """Of the texts that are still there; words that few hold are left out, and with them what is somebody's own."""
    rows = session.execute(select(Job.id, Job.input).where(Job.id.in_(batch.jobs)))
    asked = {row.id: texts.asked(row.input) for row in rows}
    counts = terms.counted(asked.values())
    kept = {word: count for word, count in counts.most_common(_MOST_WORDS) if count >= terms.HELD_BY}
    places, vectors = batch.vectors["words_prompt"]
    with_text = [row for row, place in enumerate(places) if batch.jobs[place] in asked]
    found = (
        subjects(vectors[with_text], [asked[batch.jobs[places[row]]] for row in with_text])
        if with_text
        else []
    )
    named = {
        "counts": kept,
        "texts": len(asked),
        "subjects": [{"words": one.words, "share": one.share} for one in found],
    }
    centres = {"centres": np.stack([one.centre for one in found])} if found else {}
    return {"words": np.frombuffer(orjson.dumps(named), np.uint8), **centres}
