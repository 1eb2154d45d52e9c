"""Two versions side by side: what they are, and how they did with what they answered lately."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from mainspring.release.intervals import Figure, Kind, mean, median, metrics, share
from mainspring.release.lineage import lineage
from mainspring.tables import JobState, Observation, Version

LATELY = 2000  # observations of each
_UNANSWERED = (JobState.CANCELLED.value, JobState.EXPIRED.value)  # says nothing of how they answer
Made = Callable[[Sequence[Row[Any]]], Figure | None]


def _bad(state: JobState) -> Made:
    return lambda rows: share(sum(row.state == state for row in rows), len(rows))


def _of(value: Callable[[Row[Any]], float | None], make: Callable[[list[float]], Figure | None]) -> Made:
    return lambda rows: make([found for row in rows if (found := value(row)) is not None])


def _answering(row: Row[Any]) -> float | None:
    """Seconds from the claim to the end."""
    if row.total_seconds is None or row.queue_seconds is None:
        return None
    return float(row.total_seconds - row.queue_seconds)


def _pace(row: Row[Any]) -> float | None:
    """Tokens a second of one answer."""
    seconds = _answering(row)
    return row.completion_tokens / seconds if seconds and row.completion_tokens else None


# Name → what it is in words, whether more is better, and how it is made of observations.
METRICS: dict[str, Kind[Row[Any]]] = {
    "failed": ("share of answers that failed", False, _bad(JobState.FAILED)),
    "blocked": ("share of answers that were blocked", False, _bad(JobState.BLOCKED)),
    "seconds": ("median seconds of answering", False, _of(_answering, median)),
    "first_token": (
        "median seconds to the first token",
        False,
        _of(lambda row: row.first_token_seconds, median),
    ),
    "tokens_per_second": ("median tokens a second of one answer", True, _of(_pace, median)),
    "length": ("mean tokens of an answer", True, _of(lambda row: row.completion_tokens, mean)),
    "likelihood": ("mean log-probability of a token, in nats", True, _of(lambda row: row.mean_logprob, mean)),
}


def compare(session: Session, first: Version, second: Version) -> dict[str, Any]:
    """As JSON: what each is, and the metrics of both, as intervals.metric gives it."""
    rows = [_observations(session, version) for version in (first, second)]
    return {"a": _about(first), "b": _about(second), "metrics": metrics(METRICS, *rows)}


def _observations(session: Session, version: Version) -> Sequence[Row[Any]]:
    latest = (
        select(*Observation.__table__.c)
        .where(Observation.version_id == version.id, Observation.state.not_in(_UNANSWERED))
        .order_by(Observation.at.desc())
        .limit(LATELY)
    )
    return session.connection().execute(latest).all()


def _about(version: Version) -> dict[str, Any]:
    return {
        "version": version.label,
        "stage": version.stage,
        "architecture": version.architecture,
        "parameters": version.parameters,
        "context_length": version.context_length,
        "licence": version.licence,
        "digest": version.digest,
        "source": version.source,
        **lineage(version),
    }
