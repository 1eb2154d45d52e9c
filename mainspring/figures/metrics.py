"""A deployment's versions over a span that ends now: in all, and hour by hour or day by day.

What is over is read as it was rolled up. The hour that is running is counted from the rows, and with it those before it
of which the rollup knows only a part, whether it is about to know the rest or beat has been away.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, text
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from mainspring.figures.gathered import Gathered, together
from mainspring.figures.hours import Hour, observed, said
from mainspring.figures.lately import Now, lately
from mainspring.figures.rollup import gathered_of
from mainspring.figures.views import FiguresView, figures_view
from mainspring.tables import Figures, Span, Version

BY_HOUR = 72  # hours: more are told day by day
MOST = 10_000  # hours
MOST_FRESH = 24  # hours that are counted from the rows at most, beside the one that is running
_HOUR = timedelta(hours=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
Series = dict[datetime, Gathered]
# What was looked at since the rollup read last, in which order it was looked at; and what nobody has looked at.
_UNROLLED = text(
    """
    select date_trunc('hour', min(at), 'UTC') from (
        (select min(seen.at) as at from unnest(cast(:versions as uuid[])) of (version_id) cross join lateral (
            select at from observations where observations.version_id = of.version_id
                and seq > (select coalesce(max(seq), 0) from figures where seq is not null)
            order by seq limit 1
        ) seen)
        union all
        (select at from observations where seq is null order by at limit 1)
    ) first
    """
)


class Point(TypedDict):
    since: str
    figures: FiguresView


class VersionMetrics(TypedDict):
    """`series`: those of its hours, or days, in which there is anything to tell; the last one goes on."""

    version: str
    stage: str
    figures: FiguresView
    series: list[Point]


class MetricsView(TypedDict):
    """Whole hours, or days, of UTC from `since` until this moment, `until`. `step`: hour or day.

    `now`: of the whole deployment. `versions`: those that answered anything in this span, newest first.
    """

    deployment: str
    since: str
    until: str
    step: str
    now: Now
    versions: list[VersionMetrics]


def metrics(session: Session, name: str, hours: int, now: datetime) -> MetricsView:
    """`now` is in UTC."""
    step = Span.HOUR if hours <= BY_HOUR else Span.DAY
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    since = this_hour - (hours - 1) * _HOUR
    if step is Span.DAY:
        since = since.replace(hour=0)
    connection = session.connection()
    versions = session.scalars(
        select(Version).where(Version.deployment == name).order_by(Version.number.desc())
    ).all()
    found = _series(connection, [one.id for one in versions], step, since, this_hour)
    return {
        "deployment": name,
        "since": since.isoformat(),
        "until": now.isoformat(),
        "step": step.value,
        "now": lately(connection, name),
        "versions": [_version(one, found[one.id]) for one in versions if one.id in found],
    }


def _version(version: Version, series: Series) -> VersionMetrics:
    return {
        "version": version.label,
        "stage": version.stage,
        "figures": figures_view(together(series.values())),
        "series": [
            {"since": since.isoformat(), "figures": figures_view(one)}
            for since, one in sorted(series.items())
        ],
    }


def _series(
    connection: Connection, versions: list[UUID], step: Span, since: datetime, this_hour: datetime
) -> Mapping[UUID, Series]:
    if not versions:
        return {}
    fresh = max(since, min(this_hour, _unrolled(connection, versions)), this_hour - MOST_FRESH * _HOUR)
    parts: dict[tuple[UUID, datetime], list[Gathered]] = defaultdict(list)
    by_hour = since
    if step is Span.DAY:
        by_hour = fresh.replace(hour=0)
        for row in _stored(connection, versions, Span.DAY, since, by_hour):
            parts[row.version_id, row.since].append(gathered_of(row))
    for row in _stored(connection, versions, Span.HOUR, by_hour, fresh):
        parts[row.version_id, _beginning(row.since, step)].append(gathered_of(row))
    for (version, hour), one in _from_rows(connection, versions, fresh, this_hour).items():
        parts[version, _beginning(hour, step)].append(one)
    found: dict[UUID, Series] = defaultdict(dict)
    for (version, beginning), ones in parts.items():
        found[version][beginning] = together(ones)
    return found


def _beginning(hour: datetime, step: Span) -> datetime:
    return hour.replace(hour=0) if step is Span.DAY else hour


def _unrolled(connection: Connection, versions: list[UUID]) -> datetime:
    """The first hour in which something has ended that is in no figures yet; if there is none, none that has been."""
    first = connection.scalar(_UNROLLED, {"versions": versions})
    return _NEVER if first is None else first


def _from_rows(
    connection: Connection, versions: list[UUID], since: datetime, until: datetime
) -> dict[Hour, Gathered]:
    """Of these hours, both ends included."""
    beginnings = [since + number * _HOUR for number in range(round((until - since) / _HOUR) + 1)]
    counted = observed(connection, [(version, hour) for version in versions for hour in beginnings])
    if not counted:  # of what did not end then, nothing can have been said
        return {}
    spoken = said(connection, list(counted))
    return {hour: Gathered(one.counts, one.tallies, one.means, spoken[hour]) for hour, one in counted.items()}


def _stored(
    connection: Connection, versions: list[UUID], span: Span, since: datetime, until: datetime
) -> Sequence[Row[Any]]:
    columns = (Figures.counts, Figures.tallies, Figures.means, Figures.said)
    return connection.execute(
        select(Figures.version_id, Figures.since, *columns).where(
            Figures.version_id.in_(versions),
            Figures.span == span.value,
            Figures.since >= since,
            Figures.since < until,
        )
    ).all()
