"""What a day's answers of a version were like, from its observations."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from mainspring.mirror.things import Point
from mainspring.tables import JobState, Observation, constant

DAY = timedelta(days=1)
_LATE = timedelta(minutes=5)  # an observation has the time at which its transaction began
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_TIMES = {
    "seconds": Observation.total_seconds,
    "queue_seconds": Observation.queue_seconds,
    "first_token_seconds": Observation.first_token_seconds,
}
_SUCCEEDED = Observation.state == constant(JobState.SUCCEEDED)
_FIGURES: dict[str, ColumnElement[Any]] = {
    "requests": func.count(),
    **{
        state.value: func.count().filter(Observation.state == constant(state))
        for state in (
            JobState.SUCCEEDED,
            JobState.FAILED,
            JobState.BLOCKED,
            JobState.EXPIRED,
            JobState.CANCELLED,
        )
    },
    **{
        f"{name}/{quantile}": func.percentile_cont(share).within_group(seconds).filter(_SUCCEEDED)
        for name, seconds in _TIMES.items()
        for quantile, share in _QUANTILES.items()
    },
    "prompt_tokens": func.sum(func.coalesce(Observation.prompt_tokens, 0)),
    "completion_tokens": func.sum(func.coalesce(Observation.completion_tokens, 0)),
    "mean_logprob": func.avg(Observation.mean_logprob),
}


def midnight(at: datetime) -> datetime:
    """At which the day began, in UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def closed(now: datetime) -> datetime:
    """Up to then days are over, and nothing of them changes any more."""
    return midnight(now - _LATE)


def days(session: Session, version: UUID, since: datetime, until: datetime) -> list[Point]:
    """Of each day on which it answered: counts, seconds, tokens, nats a token. Between two midnights.

    `requests` are all that ended. A point's step is the number of its day since 1970.
    """
    day = func.date_trunc("day", Observation.at)  # sessions are in UTC
    found = session.execute(
        select(day.label("day"), *(figure.label(name) for name, figure in _FIGURES.items()))
        .where(Observation.version_id == version, Observation.at >= since, Observation.at < until)
        .group_by(day)
        .order_by(day)
    )
    return [
        Point(name, float(value), row["day"], int(row["day"].timestamp() // DAY.total_seconds()))
        for row in found.mappings()
        for name, value in row.items()
        if name != "day" and value is not None
    ]
