"""When beat's tasks were last carried out, in rows: begun, done, with what, and which of them are overdue."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.tables import BeatRun, Database, Event

ACTOR = "monitor"
PATIENCE, LEAST_SECONDS = 5, 60.0  # so many times its own interval, and at least so long
_ROW = insert(BeatRun)
_BEGUN = _ROW.on_conflict_do_update(
    index_elements=["task"], set_={"every": _ROW.excluded.every, "started_at": _ROW.excluded.started_at}
)
_OVERDUE = func.greatest(BeatRun.every * PATIENCE, LEAST_SECONDS)
_SINCE = func.coalesce(BeatRun.finished_at, BeatRun.started_at)


class Rounds:
    """`every`: seconds between two rounds of each task."""

    def __init__(self, database: Database, every: Mapping[str, float]) -> None:
        self._database, self._every = database, every

    @contextmanager
    def recorded(self, task: str) -> Iterator[dict[str, int]]:
        """Of one round. What it did is counted in what is given; what it raises is noted by name and raised on."""
        did: dict[str, int] = _Counts()
        began = monotonic()
        with self._database.each() as connection:
            connection.execute(
                _BEGUN, {"task": task, "every": self._every[task], "started_at": datetime.now(UTC)}
            )
        whole = False
        try:
            yield did
            whole = True
        finally:
            error = None if whole else type(sys.exception()).__name__
            self._end(task, monotonic() - began, did, error)

    def _end(self, task: str, seconds: float, did: dict[str, int], error: str | None) -> None:
        values: dict[str, Any] = {"seconds": seconds, "error": error, "runs": BeatRun.runs + 1}
        if error is None:
            values |= {"did": dict(did), "finished_at": func.clock_timestamp(), "overdue": False}
        with self._database.each() as connection:
            connection.execute(update(BeatRun).where(BeatRun.task == task).values(values))


class _Counts(dict[str, int]):
    def __missing__(self, name: str) -> int:
        return 0


def notice_overdue(session: Session) -> Sequence[str]:
    """The tasks that have lately become overdue, each with an event; who looks may be the first after an outage."""
    late = session.execute(
        update(BeatRun)
        .where(~BeatRun.overdue, func.extract("epoch", func.clock_timestamp() - _SINCE) > _OVERDUE)
        .values(overdue=True)
        .returning(BeatRun.task, _SINCE.label("since"), BeatRun.every)
    ).all()
    for row in late:
        session.add(
            Event(
                kind="beat.overdue",
                about=row.task,
                actor=ACTOR,
                reason=f"nobody has carried out `{row.task}` since {row.since:%Y-%m-%d %H:%M:%S} UTC",
                inputs={"every_seconds": row.every},
            )
        )
    return [row.task for row in late]


def listed(session: Session) -> Sequence[BeatRun]:
    return session.scalars(select(BeatRun).order_by(BeatRun.task)).all()
