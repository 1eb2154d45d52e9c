"""Once an hour, for people: how far the latest requests are from the reference, and how often a classifier is right."""

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from mainspring.drift.accuracy import Confidences, Estimate
from mainspring.drift.readings import Reading, of_numbers, of_vectors
from mainspring.monitor import reference
from mainspring.monitor.arrays import Arrays, unpacked
from mainspring.monitor.batch import Batch, last
from mainspring.monitor.features import FEATURES, Kind
from mainspring.monitor.readings import begin, row, write
from mainspring.tables import (
    DriftReading,
    DriftWatch,
    Feedback,
    FeedbackKind,
    JobState,
    Observation,
    Reference,
    Version,
)

SPAN_SECONDS = 3600
LATEST, LEAST = 500, 100  # requests that are compared
_LABELLED = 1000


def read(session: Session, version: Version, now: datetime) -> int:
    """If this hour has no readings yet; how many were taken."""
    normal = reference.current(session, version.id)
    if normal is None or _taken(session, normal, begin(now, SPAN_SECONDS)):
        return 0
    watch = session.get(DriftWatch, normal.id)
    if watch is None or watch.latest_requests < LEAST:
        return 0
    batch = last(session.connection(), version.id, watch.latest_seq, min(LATEST, watch.latest_requests))
    arrays, rng = unpacked(normal.content), np.random.default_rng(watch.latest_seq)
    batch = batch.like(arrays)
    span = begin(now, SPAN_SECONDS)
    rows = [
        row(normal.id, span, detector=name, measure=one.name, value=one.value, requests=len(batch))
        | {"details": _chance(one)}
        for name in FEATURES
        for one in _readings(name, arrays, batch, rng)
    ]
    estimate = _accuracy(session, version, batch)
    if estimate is not None:
        rows += _rows(normal, span, estimate)
    write(session, rows)
    return len(rows)


def _taken(session: Session, normal: Reference, span: datetime) -> bool:
    return bool(
        session.scalar(
            select(
                exists().where(
                    DriftReading.reference_id == normal.id,
                    DriftReading.span == span,
                    DriftReading.measure != "evidence",
                )
            )
        )
    )


def _readings(name: str, arrays: Arrays, batch: Batch, rng: np.random.Generator) -> list[Reading]:
    if name not in arrays:
        return []
    if FEATURES[name].of is Kind.VECTOR:
        return of_vectors(arrays[name].astype(np.float32), batch.vectors[name][1], rng)
    return of_numbers(arrays[name].astype(np.float64), batch.numbers[name])


def _chance(reading: Reading) -> dict[str, Any]:
    return {} if reading.chance is None else {"chance": reading.chance}


def _accuracy(session: Session, version: Version, batch: Batch) -> Estimate | None:
    """Of the latest answers, from how sure they were, as the labels of earlier ones have taught; None: too few labels."""
    wrong = func.max(Feedback.loss).label("wrong")
    known = session.execute(
        select(Observation.job_id, Observation.mean_logprob, wrong)
        .join(Feedback, Feedback.job_id == Observation.job_id)
        .where(Observation.version_id == version.id, Feedback.version_id == version.id)
        .where(Feedback.kind == FeedbackKind.LABEL.value, Feedback.loss.is_not(None))
        .where(Observation.state == JobState.SUCCEEDED.value, Observation.mean_logprob.is_not(None))
        .group_by(Observation.job_id, Observation.mean_logprob, Observation.seq)
        .order_by(Observation.seq)
        .limit(_LABELLED)
    ).all()
    if len(known) < LEAST:
        return None
    right = {one.job_id: 1 - one.wrong for one in known}
    taught = Confidences(_sure([one.mean_logprob for one in known]), np.array(list(right.values())))
    answered = np.flatnonzero(np.isfinite(batch.numbers["log_probability"]))
    said = np.array([right.get(batch.jobs[int(place)], np.nan) for place in answered])
    return taught.estimate(_sure(batch.numbers["log_probability"][answered]), said)


def _sure(log_probabilities: Any) -> NDArray[np.float64]:
    return np.exp(np.asarray(log_probabilities, np.float64)).clip(0, 1)


def _rows(normal: Reference, span: datetime, estimate: Estimate) -> list[dict[str, Any]]:
    details = {
        "low": estimate.low,
        "high": estimate.high,
        "labelled": estimate.labelled,
        "error": estimate.error,
    }
    named = {"calibrated": estimate.calibrated, "threshold": estimate.threshold}
    return [
        row(normal.id, span, detector="accuracy", measure=name, value=value, requests=estimate.count)
        | {"details": details}
        for name, value in named.items()
    ]
