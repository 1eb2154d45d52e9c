"""The detectors' values over time: one a feature and span of ten minutes, the last of a span stays."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.monitor.detectors import Watching
from mainspring.tables import DriftReading, DriftWatch

SPAN_SECONDS = 600
_ROW = insert(DriftReading)
_KEEP = _ROW.on_conflict_do_update(
    index_elements=["reference_id", "detector", "segment", "span"],
    set_={
        "at": func.now(),
        "requests": _ROW.excluded.requests,
        "value": _ROW.excluded.value,
        "threshold": _ROW.excluded.threshold,
    },
)


def keep(session: Session, watch: DriftWatch, watching: Sequence[Watching], moment: datetime) -> None:
    """As they are at that moment."""
    span = datetime.fromtimestamp(moment.timestamp() // SPAN_SECONDS * SPAN_SECONDS, UTC)
    rows = [
        {
            "reference_id": watch.reference_id,
            "detector": one.feature,
            "segment": one.segment,
            "span": span,
            "requests": watch.latest_requests,
            "value": one.value,
            "threshold": one.threshold,
        }
        for one in watching
    ]
    if rows:
        session.execute(_KEEP, rows)
