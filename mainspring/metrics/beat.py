"""When each of beat's tasks was last carried out, by whichever worker."""

from collections.abc import Iterator

from prometheus_client.core import Metric
from sqlalchemy import Connection, func, select

from mainspring.metrics.families import gauge
from mainspring.tables import BeatRun

TASK = ("task",)
_RUNS = select(
    BeatRun.task,
    BeatRun.every,
    BeatRun.seconds,
    func.extract("epoch", func.coalesce(BeatRun.finished_at, BeatRun.started_at)).label("last"),
).order_by(BeatRun.task)


def families(connection: Connection) -> Iterator[Metric]:
    rows = connection.execute(_RUNS).all()
    yield gauge(
        "mainspring_beat_last_run_timestamp_seconds",
        "When a task of beat was last carried out.",
        TASK,
        (((row.task,), float(row.last)) for row in rows),
    )
    yield gauge(
        "mainspring_beat_interval_seconds",
        "How often beat asks for it.",
        TASK,
        (((row.task,), row.every) for row in rows),
    )
    yield gauge(
        "mainspring_beat_duration_seconds",
        "How long it took.",
        TASK,
        (((row.task,), row.seconds) for row in rows if row.seconds is not None),
    )
