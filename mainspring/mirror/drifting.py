"""How far a version's traffic had moved, from the readings of its detectors."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.mirror.things import Point
from mainspring.tables import DriftReading, Reference

DAY = timedelta(days=1)
_SPAN_SECONDS = 600  # as detectors leave their readings
_LATE = timedelta(hours=1)  # so long a span's reading may still change, while requests are looked at


def closed(now: datetime) -> datetime:
    """Up to then nothing of the readings changes any more."""
    return now - _LATE


def readings(session: Session, version: UUID, since: datetime, until: datetime) -> list[Point]:
    """Evidence as natural logarithms, and the measures for people, of all its traffic. A step is ten minutes since 1970."""
    found = session.execute(
        select(DriftReading.detector, DriftReading.measure, DriftReading.span, DriftReading.value)
        .join(Reference, Reference.id == DriftReading.reference_id)
        .where(Reference.version_id == version, DriftReading.segment == "")
        .where(DriftReading.span >= since, DriftReading.span < until)
        .order_by(DriftReading.span, DriftReading.detector, DriftReading.measure, Reference.made_at)
    )
    last = {(row.detector, row.measure, row.span): row.value for row in found}  # of two references the newer
    return [
        Point(f"drift/{detector}/{measure}", value, span, int(span.timestamp() // _SPAN_SECONDS))
        for (detector, measure, span), value in last.items()
    ]
