"""What happens to a deployment at this moment: what waits, what runs, and its last minute."""

from decimal import Decimal

from sqlalchemy import Connection, bindparam, text
from typing_extensions import TypedDict

SECONDS = 60
# Each state by itself, since each has indexes of its own.
_QUEUE = text(
    """
    with its as (select id from versions where deployment = :name),
    waiting as (select created_at from jobs join its on its.id = version_id where state = 'queued')
    select count(*) as queued, extract(epoch from now() - min(created_at)) as oldest,
        (select count(*) from jobs join its on its.id = version_id where state = 'running') as running
    from waiting
    """
)
_MINUTE = text(
    """
    select count(*) as ended, count(*) filter (where state in ('failed', 'expired')) as failed,
        coalesce(sum(completion_tokens), 0) as tokens,
        percentile_cont(0.5) within group (order by case when state = 'succeeded' then total_seconds end) as half,
        percentile_cont(0.95) within group (order by case when state = 'succeeded' then total_seconds end) as most
    from observations
    where at > now() - :seconds * interval '1 second' and version_id in (select id from versions where deployment = :name)
    """
).bindparams(bindparam("seconds", SECONDS))


class Now(TypedDict):
    """`queued`, `running`: jobs; `oldest_seconds`: for how long the first of the queued ones has waited.

    Of the last minute: how many jobs `ended`, how many of them `failed` (or expired), `tokens_per_second` that were
    written, and the seconds from acceptance to the end of those that succeeded, `p50_seconds` and `p95_seconds`.
    """

    queued: int
    running: int
    oldest_seconds: float | None
    ended: int
    failed: int
    tokens_per_second: float
    p50_seconds: float | None
    p95_seconds: float | None


def lately(connection: Connection, name: str) -> Now:
    queue = connection.execute(_QUEUE, {"name": name}).one()
    minute = connection.execute(_MINUTE, {"name": name}).one()
    return {
        "queued": queue.queued,
        "running": queue.running,
        "oldest_seconds": _rounded(queue.oldest),
        "ended": minute.ended,
        "failed": minute.failed,
        "tokens_per_second": round(minute.tokens / SECONDS, 1),
        "p50_seconds": _rounded(minute.half),
        "p95_seconds": _rounded(minute.most),
    }


def _rounded(seconds: float | Decimal | None) -> float | None:
    return None if seconds is None else round(float(seconds), 3)
