"""The figures of whole hours, counted from the rows: observations, and what was said of their answers.

An hour is always counted anew and as a whole, so that nothing counts twice. It is named by its version and its beginning.
"""

# ruff: noqa: S608  statements are put together of the fragments below alone

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.engine import Row

from mainspring.figures.gathered import Gathered
from mainspring.figures.histogram import GROWTH, LEAST, MOST
from mainspring.figures.moments import Moments

Hour = tuple[UUID, datetime]
COUNTS = ("prompt_tokens", "completion_tokens", "sessions", "turns", "again", "unread")
TIMES = {"queue": "queue_seconds", "first_token": "first_token_seconds", "total": "total_seconds"}
_WANTED = """
    with wanted as materialized (
        select * from unnest(cast(:versions as uuid[]), cast(:hours as timestamptz[])) as given(version_id, since)
    )
"""
# `offset 0` keeps the planner from joining all hours with all rows: each hour is a scan of the index, in its one week.
_SEEN = """
    wanted cross join lateral (
        select * from observations where version_id = wanted.version_id
            and at >= wanted.since and at < wanted.since + interval '1 hour' offset 0
    ) seen
"""
_MOMENTS = """
    count(value) as many, avg(value) as mean, var_pop(value) * count(value) as squares,
    min(value) as least, max(value) as most
"""


def time_class(seconds: str) -> str:
    """The class of histogram.py that the seconds of an SQL expression are in."""
    within = f"least(greatest({seconds}, {LEAST}), {MOST})"
    return f"cast(ceil(ln({within}) / ln(cast({GROWTH!r} as double precision))) as int)"


def _answered(value: str) -> str:
    return f"case when seen.state = 'succeeded' then {value} end"


_TIME_ROWS = ", ".join(
    f"('{name}', cast({_answered(time_class(column))} as text))" for name, column in TIMES.items()
)
_COUNTED = text(
    f"""{_WANTED}
    select wanted.version_id, since,
        coalesce(sum(prompt_tokens), 0) as prompt_tokens, coalesce(sum(completion_tokens), 0) as completion_tokens,
        count(*) filter (where begins) as sessions, count(begins) as turns, count(*) filter (where again) as again,
        count(*) filter (where unread and state <> 'cancelled') as unread
    from {_SEEN} group by 1, 2
    """
)
_TALLIED = text(
    f"""{_WANTED}
    select version_id, since, kind, jsonb_object_agg(name, many) as names from (
        select wanted.version_id, since, kind, name, count(*) as many
        from {_SEEN} cross join lateral (values
            ('state', seen.state), ('finish_reason', finish_reason), ('language', language), {_TIME_ROWS}
        ) as of (kind, name)
        where name is not null group by 1, 2, 3, 4
    ) counted group by 1, 2, 3
    """
)
# What is no number, or none that can be squared, is not measured.
_MEASURED = text(
    f"""{_WANTED}
    select wanted.version_id, since, name, {_MOMENTS}
    from {_SEEN} cross join lateral (values
        ('log_probability', {_answered("mean_logprob")}),
        ('tokens_per_second', {_answered("completion_tokens / nullif(total_seconds - queue_seconds, 0)")})
    ) as of (name, value)
    where value between -1e100 and 1e100 group by 1, 2, 3
    """
)
# Of a kind and name the newest of a job counts. Numbers beyond any meaning are cut off before they are floats.
_SAID = text(
    f"""{_WANTED}, newest as (
        select distinct on (job_id, kind, name) wanted.version_id, since, kind, name, heard.value, loss
        from wanted cross join lateral (
            select * from feedback where version_id = wanted.version_id
                and at >= since and at < since + interval '1 hour' offset 0
        ) heard
        order by job_id, kind, name, created_at desc, id desc
    ), said as (
        select version_id, since, concat_ws(':', kind, name) as name, case
            when kind = 'label' then 1 - loss when kind = 'correction' then loss
            when jsonb_typeof(value) = 'number' then
                cast(least(greatest(cast(value #>> '{{}}' as numeric), -1e15), 1e15) as double precision)
        end as value from newest
    )
    select version_id, since, name, {_MOMENTS} from said where value is not null group by 1, 2, 3
    """
)


def observed(connection: Connection, hours: Sequence[Hour]) -> dict[Hour, Gathered]:
    """Of the hours in which anything ended whose observation is there: all but what was said."""
    tallies: dict[Hour, dict[str, dict[str, int]]] = defaultdict(dict)
    for row in _of(connection, _TALLIED, hours):
        tallies[row.version_id, row.since][row.kind] = row.names
    means = _moments(_of(connection, _MEASURED, hours))
    rows = {(row.version_id, row.since): row for row in _of(connection, _COUNTED, hours)}
    return {
        hour: Gathered(
            # From the same look as the states: what ends between two statements is in the later one alone.
            {"requests": sum(tallies[hour]["state"].values())}
            | {name: int(getattr(rows[hour], name)) for name in COUNTS},
            tallies[hour],
            means.get(hour, {}),
        )
        for hour in tallies
    }


def said(connection: Connection, hours: Sequence[Hour]) -> dict[Hour, Mapping[str, Moments]]:
    """Of the answers of each of these hours."""
    found = _moments(_of(connection, _SAID, hours))
    return {hour: found.get(hour, {}) for hour in hours}


def _of(connection: Connection, statement: TextClause, hours: Iterable[Hour]) -> Sequence[Row[Any]]:
    versions, beginnings = zip(*hours, strict=True)
    return connection.execute(statement, {"versions": list(versions), "hours": list(beginnings)}).all()


def _moments(rows: Iterable[Row[Any]]) -> dict[Hour, dict[str, Moments]]:
    found: dict[Hour, dict[str, Moments]] = defaultdict(dict)
    for row in rows:
        found[row.version_id, row.since][row.name] = Moments(
            row.many, row.mean, row.squares, row.least, row.most
        )
    return found
