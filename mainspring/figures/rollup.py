"""Hours in which something has changed are counted anew, and their days with them: by whomever, however often, the same.

What is new is known by the order in which observations were looked at, and in which was heard what is said of answers: no
clock is asked. One pass at a time, each one transaction: killed in between, it has not been. An hour whose observations have left
keeps its figures; what is said of its answers still counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from mainspring.figures.gathered import Gathered, as_stored, moments_of, together
from mainspring.figures.hours import Hour, observed, said
from mainspring.figures.moments import Moments
from mainspring.tables import Figures, Span

MOST = 10_000  # a pass
_LOCK = 4242036
_UNTIL = select(func.coalesce(func.max(Figures.seq), 0)).where(Figures.seq.is_not(None))
_CHANGED = text(
    """
    with next as (
        select versions.id as version_id, new.* from versions cross join lateral (
            (select at, seq, false as said from observations
             where version_id = versions.id and seq > :seq order by seq limit :most)
            union all
            (select at, seq, true from feedback
             where version_id = versions.id and seq > :seq and at is not null order by seq limit :most)
        ) new order by new.seq limit :most
    )
    select version_id, date_trunc('hour', at, 'UTC') as since, max(seq) as seq,
        count(*) filter (where not said) as observations, count(*) filter (where said) as feedback
    from next group by 1, 2
    """
)


@dataclass(frozen=True)
class Rolled:
    """How many `hours` were counted anew, for so many `observations` and so much `feedback` that was new.

    `more`: there may be others that wait.
    """

    hours: int = 0
    observations: int = 0
    feedback: int = 0
    more: bool = False


def roll_up(connection: Connection, most: int = MOST) -> Rolled:
    """One pass, in the caller's transaction."""
    if not connection.scalar(text("select pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}):
        return Rolled()
    changed = connection.execute(_CHANGED, {"seq": connection.scalar(_UNTIL), "most": most}).all()
    if not changed:
        return Rolled()
    until = max(row.seq for row in changed)
    ended = [(row.version_id, row.since) for row in changed if row.observations]
    spoken = [(row.version_id, row.since) for row in changed if row.feedback]
    if ended:
        _keep(connection, observed(connection, ended), until)
    if spoken:
        _keep_said(connection, said(connection, spoken), until)
    _keep_days(connection, {(row.version_id, row.since.replace(hour=0)) for row in changed})
    observations, feedback = sum(row.observations for row in changed), sum(row.feedback for row in changed)
    return Rolled(len(changed), observations, feedback, more=observations + feedback == most)


def gathered_of(row: Any) -> Gathered:
    """Of a row of `figures`."""
    return Gathered(row.counts, row.tallies, moments_of(row.means), moments_of(row.said))


def _keep(connection: Connection, found: Mapping[Hour, Gathered], seq: int) -> None:
    _store(connection, Span.HOUR, [(hour, _columns(one) | {"seq": seq}) for hour, one in found.items()])


def _keep_said(connection: Connection, found: Mapping[Hour, Mapping[str, Moments]], seq: int) -> None:
    _store(
        connection, Span.HOUR, [(hour, {"said": as_stored(one), "seq": seq}) for hour, one in found.items()]
    )


def _keep_days(connection: Connection, days: set[Hour]) -> None:
    """Of their hours, as these stand."""
    whole = []
    for version, since in sorted(days):
        hours = connection.execute(
            select(Figures.counts, Figures.tallies, Figures.means, Figures.said).where(
                Figures.version_id == version,
                Figures.span == Span.HOUR.value,
                Figures.since >= since,
                Figures.since < since + timedelta(days=1),
            )
        )
        day = together(gathered_of(row) for row in hours)
        whole.append(((version, since), _columns(day) | {"said": as_stored(day.said)}))
    _store(connection, Span.DAY, whole)


def _columns(one: Gathered) -> dict[str, Any]:
    return {"counts": one.counts, "tallies": one.tallies, "means": as_stored(one.means)}


def _store(connection: Connection, span: Span, found: Sequence[tuple[Hour, dict[str, Any]]]) -> None:
    """Over what was there: these columns, and no others."""
    if not found:
        return
    rows = [
        {"version_id": version, "span": span.value, "since": since} | columns
        for (version, since), columns in found
    ]
    made = insert(Figures)
    replaced = {name: getattr(made.excluded, name) for name in found[0][1]}
    connection.execute(
        made.on_conflict_do_update(
            index_elements=["version_id", "span", "since"], set_=replaced | {"computed_at": func.now()}
        ),
        rows,
    )
