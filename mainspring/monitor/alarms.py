"""An alarm as a row and an event: what moved, since when, how much of the traffic, and examples to look at."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mainspring.identifiers import uuid7
from mainspring.monitor import terms
from mainspring.monitor.arrays import Arrays
from mainspring.monitor.batch import Batch, last
from mainspring.monitor.detectors import Crossing, Watched
from mainspring.monitor.moved import moved
from mainspring.monitor.reference import words_of
from mainspring.observe import texts
from mainspring.tables import DriftAlarm, Event, Job, Version
from mainspring.terms import AlarmKind

ACTOR = "monitor"
EXAMPLES = 5
LATEST = 400  # requests before the alarm, among which the strange ones are looked for
_COMPARED = "words_prompt"  # every request has it


def raise_alarm(session: Session, of: Watched, batch: Batch, crossing: Crossing) -> DriftAlarm:
    """A new one, or the open one of this kind confirmed."""
    moment = batch.moments[crossing.place]
    open_one = session.scalar(
        select(DriftAlarm).where(
            DriftAlarm.version_id == of.version.id,
            DriftAlarm.kind == crossing.kind.value,
            DriftAlarm.ended_at.is_(None),
        )
    )
    if open_one is not None:
        open_one.crossings += 1
        open_one.last_at = moment
        return open_one
    details = _details(session, of, crossing)
    alarm = DriftAlarm(
        id=uuid7(),
        reference_id=of.normal.id,
        version_id=of.version.id,
        deployment=of.version.deployment,
        kind=crossing.kind.value,
        detector=crossing.feature,
        at=moment,
        last_at=moment,
        since=details.pop("since", None),
        requests=of.watch.requests,
        value=crossing.value,
        threshold=crossing.threshold,
        details=details,
    )
    session.add(alarm)
    _say(session, of.version, alarm)
    session.flush()
    return alarm


def end(session: Session, version: Version, reason: str) -> None:
    """Those that are open."""
    ended = session.scalars(
        update(DriftAlarm)
        .where(DriftAlarm.version_id == version.id, DriftAlarm.ended_at.is_(None))
        .values(ended_at=datetime.now(UTC))
        .returning(DriftAlarm.id)
    ).all()
    for alarm in ended:
        inputs = {"alarm": str(alarm)}
        session.add(
            Event(kind="drift.alarm_ended", about=version.label, actor=ACTOR, reason=reason, inputs=inputs)
        )


def _details(session: Session, of: Watched, crossing: Crossing) -> dict[str, Any]:
    if crossing.kind is not AlarmKind.DATA or _COMPARED not in of.arrays:
        return {}
    latest = last(session.connection(), of.version.id, of.watch.seq, min(of.watch.requests, LATEST))
    places, rows = latest.vectors[_COMPARED]
    found = moved(of.arrays[_COMPARED].astype(np.float32), rows)
    strange = [latest.jobs[int(places[place])] for place in found.strange]
    since = min((latest.moments[int(places[place])] for place in found.strange), default=None)
    return {
        "since": since,
        "share": found.share,
        "terms": _terms(session, strange, of.arrays),
        "examples": [str(job) for job in strange[:EXAMPLES]],
        "strange": len(strange),
        "among": len(rows),
    }


def _terms(session: Session, strange: list[UUID], arrays: Arrays) -> list[str]:
    asked = [texts.asked(given) for given in session.scalars(select(Job.input).where(Job.id.in_(strange)))]
    known, of = words_of(arrays)
    return terms.typical(terms.counted(asked), len(asked), known, of)


def _say(session: Session, version: Version, alarm: DriftAlarm) -> None:
    """No text of a request: the words that many of them share, and their ids."""
    named = alarm.details.get("terms", [])
    about = f": {', '.join(named[:4])}" if named else ""
    session.add(
        Event(
            kind="drift.alarm",
            about=version.label,
            actor=ACTOR,
            reason=f"{alarm.kind} drift after {alarm.requests} requests, by {alarm.detector}{about}",
            inputs={
                "alarm": str(alarm.id),
                "reference": str(alarm.reference_id),
                "log_evidence": round(alarm.value, 3),
                "threshold": round(alarm.threshold, 3),
                **alarm.details,
            },
        )
    )
