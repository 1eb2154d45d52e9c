"""What is measured over time of a version, as metric series of its run `in service`. More of it goes into SERIES."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.mirror import drifting, serving
from mainspring.mirror.things import Point, Run, Status, texts
from mainspring.tables import Stage, Version


@dataclass(frozen=True)
class Series:
    """`points(session, version, since, until)`: what was measured of it from `since` on, before `until`.

    `closed(now)`: up to when its rows will not change any more; later ones are written another time. `stretch`: how much is
    read at once.
    """

    name: str
    points: Callable[[Session, UUID, datetime, datetime], list[Point]]
    closed: Callable[[datetime], datetime]
    stretch: timedelta


SERIES = (
    Series("serving by day", serving.days, serving.closed, 31 * serving.DAY),
    Series("drift", drifting.readings, drifting.closed, drifting.DAY),
)


@dataclass(frozen=True)
class Served:
    """A version, the run that its series are written to, and since when there may be something."""

    id: UUID
    run: Run
    since: datetime


def served(session: Session) -> list[Served]:
    return [_served(row) for row in session.scalars(select(Version).order_by(Version.id))]


def _served(row: Version) -> Served:
    left = row.stage in (Stage.RETIRED, Stage.REJECTED)
    run = Run(
        key=f"{row.id} in service",
        name=f"{row.label} in service",
        status=Status.FINISHED if left else Status.RUNNING,
        began_at=row.created_at,
        ended_at=row.stage_at if left else None,
        tags=texts(kind="serving", deployment=row.deployment, version=row.label),
    )
    return Served(row.id, run, serving.midnight(row.created_at))
