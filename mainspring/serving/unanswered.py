"""A job that ends without an answer leaves an observation too: nothing that has ended is missing where ends are counted."""

from typing import Any

from sqlalchemy import CTE, Double, cast, func, null, select
from sqlalchemy.dialects.postgresql import insert

from mainspring.tables import Job, Observation

# What a statement that ends jobs has to return of each of them.
ENDED = (Job.id, Job.version_id, Job.state, Job.created_at, Job.started_at, Job.finished_at)


def observed(ended: CTE) -> CTE:
    """Beside the update of which `ended` is the result."""
    values: dict[str, Any] = {
        "job_id": ended.c.id,
        "version_id": ended.c.version_id,
        "at": ended.c.finished_at,
        "state": ended.c.state,
        "queue_seconds": _seconds(ended, func.coalesce(ended.c.started_at, ended.c.finished_at)),
        "total_seconds": _seconds(ended, ended.c.finished_at),
    }
    over = ended.c.finished_at.is_not(null())
    return (
        insert(Observation)
        .from_select(list(values), select(*values.values()).where(over), include_defaults=False)
        .on_conflict_do_nothing()
        .cte("observed")
    )


def _seconds(ended: CTE, until: Any) -> Any:
    """From acceptance."""
    return cast(func.extract("epoch", until - ended.c.created_at), Double)
