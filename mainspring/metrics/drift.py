"""What the detectors say of versions that live, over the whole of their traffic; and what was decided."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from uuid import UUID

from prometheus_client.core import Metric
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from mainspring.metrics.families import counter, gauge
from mainspring.metrics.labels import MOST, Bounded
from mainspring.metrics.versions import Known
from mainspring.tables import AlarmKind, DriftAlarm, DriftDecision, DriftReading, DriftState, Reference

NAMES = ("deployment", "version")
_LATELY = timedelta(days=1)  # what has not been read for so long is not shown
_READINGS = (
    select(Reference.version_id, DriftReading.detector, DriftReading.value, DriftReading.threshold)
    .join(Reference, Reference.id == DriftReading.reference_id)
    .where(DriftReading.segment == "", DriftReading.span > func.now() - _LATELY)
    .ext(distinct_on(Reference.version_id, DriftReading.detector))
    .order_by(Reference.version_id, DriftReading.detector, Reference.made_at.desc(), DriftReading.span.desc())
)
_ALARMS = select(
    DriftAlarm.version_id,
    DriftAlarm.kind,
    func.count().label("many"),
    func.count().filter(DriftAlarm.ended_at.is_(None)).label("open"),
).group_by(DriftAlarm.version_id, DriftAlarm.kind)
_DECISIONS = select(DriftDecision.deployment, DriftDecision.state).order_by(DriftDecision.deployment)


def families(connection: Connection, living: Mapping[UUID, Known]) -> Iterator[Metric]:
    rows = [row for row in connection.execute(_READINGS) if row.version_id in living]
    yield gauge(
        "mainspring_drift_evidence",
        "A detector's last value: of sequential tests the natural logarithm of the evidence for a change.",
        (*NAMES, "detector"),
        (((*living[row.version_id].labels, row.detector), row.value) for row in rows),
        joined=max,
    )
    yield gauge(
        "mainspring_drift_threshold",
        "The value at which it alarms.",
        (*NAMES, "detector"),
        (
            ((*living[row.version_id].labels, row.detector), row.threshold)
            for row in rows
            if row.threshold is not None
        ),
        joined=max,
    )
    yield from _alarms(connection, living)
    bounded = Bounded("other", MOST)
    yield gauge(
        "mainspring_drift_decision",
        "1 for what was decided last.",
        ("deployment", "state"),
        (
            ((bounded(row.deployment), state.value), row.state == state)
            for row in connection.execute(_DECISIONS)
            for state in DriftState
        ),
    )


def _alarms(connection: Connection, living: Mapping[UUID, Known]) -> Iterator[Metric]:
    """From 0, so that the first one is an increase."""
    counted = {(row.version_id, row.kind): (row.many, row.open) for row in connection.execute(_ALARMS)}
    of = [
        ((*one.labels, kind.value), counted.get((version, kind.value), (0, 0)))
        for version, one in living.items()
        for kind in AlarmKind
    ]
    yield counter(
        "mainspring_drift_alarms_total",
        "Alarms so far, by what moved.",
        (*NAMES, "kind"),
        ((labels, many) for labels, (many, _) in of),
    )
    yield gauge(
        "mainspring_drift_alarms_open",
        "Alarms that stand.",
        (*NAMES, "kind"),
        ((labels, still) for labels, (_, still) in of),
    )
