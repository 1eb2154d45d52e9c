"""A version's metric series go on from where they were left, stretch by stretch."""

from datetime import datetime

from mainspring.errors import MirrorRefused
from mainspring.mirror.desk import Desk
from mainspring.mirror.progress import Kind, Written
from mainspring.mirror.series import SERIES, Series, Served
from mainspring.mirror.things import Point


def extend(desk: Desk, version: Served, series: Series, now: datetime) -> None:
    key = _key(version, series)
    known, until = desk.progress.known(Kind.SERIES, key), series.closed(now)
    since = version.since if known is None else datetime.fromisoformat(known.state)
    while since < until:
        desk.in_time()
        end = min(since + series.stretch, until)
        with desk.database.transaction() as session:
            points = series.points(session, version.id, since, end)
        ref = _log(desk, version, points) if points else ""
        desk.note(Kind.SERIES, key, Written(ref, end.isoformat()))
        since = end


def _log(desk: Desk, version: Served, points: list[Point]) -> str:
    ref = desk.write(version.run)
    try:
        desk.mlflow.log(ref, points)
    except MirrorRefused:
        # Where somebody has deleted it there, it comes back, whole.
        if desk.find(version.run.key) is None:
            desk.progress.forget(Kind.RUN, [version.run.key])
            desk.progress.forget(Kind.SERIES, [_key(version, one) for one in SERIES])
        raise
    return ref


def _key(version: Served, series: Series) -> str:
    return f"{version.id} {series.name}"
