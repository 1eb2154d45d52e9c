"""The detectors' values over time: one a feature and span, the last of a span stays."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.monitor.detectors import Watching
from mainspring.tables import DriftReading, DriftWatch

SPAN_SECONDS = 600
_ROW = insert(DriftReading)
_KEEP = _ROW.on_conflict_do_update(
    index_elements=["reference_id", "detector", "segment", "measure", "span"],
    set_={
        "at": func.now(),
        "requests": _ROW.excluded.requests,
        "value": _ROW.excluded.value,
        "threshold": _ROW.excluded.threshold,
        "details": _ROW.excluded.details,
    },
)


def keep(session: Session, watch: DriftWatch, watching: Sequence[Watching], moment: datetime) -> None:
    """The evidence as it is at that moment."""
    span = begin(moment, SPAN_SECONDS)
    rows = [
        row(
            watch.reference_id,
            span,
            detector=one.feature,
            measure="evidence",
            value=one.value,
            requests=watch.latest_requests,
        )
        | {"segment": one.segment, "threshold": one.threshold}
        for one in watching
    ]
    write(session, rows)


def row(
    reference: UUID, span: datetime, *, detector: str, measure: str, value: float, requests: int
) -> dict[str, Any]:
    return {
        "reference_id": reference,
        "detector": detector,
        "segment": "",
        "measure": measure,
        "span": span,
        "requests": requests,
        "value": value,
        "threshold": None,
        "details": {},
    }


def write(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        session.execute(_KEEP, rows)


def begin(moment: datetime, seconds: int) -> datetime:
    """Of the span in which it is."""
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)
