"""An alarm as a row and an event: what moved, since when, how much of the traffic, and examples to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from mainspring.identifiers import uuid7
from mainspring.monitor import terms
from mainspring.monitor.arrays import Arrays
from mainspring.monitor.batch import VECTORS, Batch, last
from mainspring.monitor.detectors import Crossing, Detectors
from mainspring.monitor.moved import moved
from mainspring.monitor.normal import subjects_of, words_of
from mainspring.monitor.segments import fits
from mainspring.monitor.subjects import nearest
from mainspring.observe import texts
from mainspring.tables import DriftAlarm, DriftWatch, Event, Job, KeptText, Observation, Reference, Version
from mainspring.terms import AlarmKind

ACTOR = "monitor"
EXAMPLES = 5
ENOUGH = 100  # strange requests, of which their terms are known
LATEST = 400  # requests before the alarm, among which the strange ones are looked for
_OPEN = select(DriftAlarm.version_id).where(DriftAlarm.ended_at.is_(None)).subquery()
_COMPARED = "words_prompt"  # every request has it


@dataclass(frozen=True)
class Watched:
    """A version, what was normal for it as row and as arrays, and where its detectors stand."""

    version: Version
    normal: Reference
    arrays: Arrays
    watch: DriftWatch


def raise_alarm(
    session: Session, of: Watched, batch: Batch, crossing: Crossing, detectors: Detectors
) -> DriftAlarm:
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
    since = _since(session, of, crossing)
    details = {"evidence": _most(detectors), "share": round(crossing.share, 3)}
    alarm = DriftAlarm(
        id=uuid7(),
        reference_id=of.normal.id,
        version_id=of.version.id,
        deployment=of.version.deployment,
        kind=crossing.kind.value,
        detector=crossing.feature,
        segment=crossing.segment,
        at=moment,
        last_at=moment,
        since=since,
        requests=of.watch.latest_requests,
        value=crossing.value,
        threshold=crossing.threshold,
        details=details,
    )
    alarm.details |= _about(session, of, alarm)
    session.add(alarm)
    _say(session, of.version, alarm)
    session.flush()
    return alarm


def follow(session: Session, of: Watched) -> None:
    """An alarm comes after a few strange requests; what they are about is told better by those that follow."""
    young = session.scalars(
        select(DriftAlarm).where(
            DriftAlarm.version_id == of.version.id,
            DriftAlarm.kind == AlarmKind.DATA.value,
            DriftAlarm.ended_at.is_(None),
            func.coalesce(DriftAlarm.details["strange"].as_integer(), 0) < ENOUGH,
        )
    )
    for alarm in young:
        alarm.details = alarm.details | _about(session, of, alarm)


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


def end_of_gone(session: Session, live: Sequence[UUID]) -> None:
    """What is open of versions that are not compared with anything any more."""
    gone = session.scalars(
        select(Version)
        .where(Version.id.not_in(live), Version.id.in_(select(_OPEN.c.version_id)))
        .order_by(Version.id)
    )
    for version in gone:
        end(session, version, "the version has left")


def _about(session: Session, of: Watched, alarm: DriftAlarm) -> dict[str, Any]:
    """Of the requests since it began, by the vectors that gave it, or else by those that every request has."""
    feature = alarm.detector if alarm.detector in VECTORS else _COMPARED
    if alarm.kind != AlarmKind.DATA or feature not in of.arrays:
        return {}
    latest = last(session.connection(), of.version.id, of.watch.latest_seq, LATEST).like(of.arrays)
    every, vectors = latest.vectors[feature]
    lately = [
        row
        for row, place in enumerate(every)
        if (alarm.since is None or latest.moments[place] >= alarm.since)
        and (not alarm.segment or fits(latest, place, alarm.segment))
    ]
    places, rows = every[lately], vectors[lately]
    if not lately:
        return {}
    found = moved(of.arrays[feature].astype(np.float32), rows)
    strange = [int(places[place]) for place in found.strange]
    jobs = [latest.jobs[place] for place in strange]
    return {
        "share": max(found.share, alarm.details.get("share", 0.0)),
        "terms": _terms(session, jobs, of.arrays),
        "near": _near(of.arrays, latest, strange),
        "examples": [str(job) for job in _best(session, jobs)],
        "strange": len(strange),
        "among": len(rows),
    }


def _best(session: Session, strange: list[UUID]) -> list[UUID]:
    """To look at: those whose text is kept before the others."""
    kept = set(session.scalars(select(KeptText.job_id).where(KeptText.job_id.in_(strange))))
    return sorted(strange, key=lambda job: job not in kept)[:EXAMPLES]


def _near(arrays: Arrays, latest: Batch, strange: list[int]) -> list[str]:
    """By what the known requests are called that these are most like."""
    places, rows = latest.vectors[_COMPARED]
    wanted = rows[np.isin(places, strange)]
    found = nearest(subjects_of(arrays), wanted)
    return [] if found is None else found.words


def _since(session: Session, of: Watched, crossing: Crossing) -> datetime | None:
    """When the likely first of the changed requests ended. Of a sample's feature each stands for several requests."""
    back = min(of.watch.latest_requests, round(crossing.before * crossing.spread)) - 1
    return session.scalar(
        select(Observation.at)
        .where(Observation.version_id == of.version.id, Observation.seq <= of.watch.latest_seq)
        .order_by(Observation.seq.desc())
        .offset(max(0, back))
        .limit(1)
    )


def _most(detectors: Detectors, most: int = 5) -> dict[str, float]:
    """The features with the most evidence, as natural logarithms."""
    best = sorted(detectors.watching, key=lambda one: -one.value)[:most]
    return {f"{one.feature} {one.segment}".strip(): round(one.value, 3) for one in best}


def _terms(session: Session, strange: list[UUID], arrays: Arrays) -> list[str]:
    asked = [texts.asked(given) for given in session.scalars(select(Job.input).where(Job.id.in_(strange)))]
    known, of = words_of(arrays)
    return terms.typical(terms.counted(asked), len(asked), known, of)


def _say(session: Session, version: Version, alarm: DriftAlarm) -> None:
    """No text of a request: the words that many of them share, and their ids."""
    named = alarm.details.get("terms", [])
    among = f" of {alarm.segment}" if alarm.segment else ""
    about = f": {', '.join(named[:4])}" if named else ""
    session.add(
        Event(
            kind="drift.alarm",
            about=version.label,
            actor=ACTOR,
            reason=f"{alarm.kind} drift after {alarm.requests} requests, by {alarm.detector}{among}{about}",
            inputs={
                "alarm": str(alarm.id),
                "reference": str(alarm.reference_id),
                "log_evidence": round(alarm.value, 3),
                "threshold": round(alarm.threshold, 3),
                **alarm.details,
            },
        )
    )
