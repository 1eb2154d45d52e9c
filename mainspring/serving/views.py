"""A job as everybody is shown it: by the api, in events, in webhooks."""

from datetime import datetime
from typing import Any, NotRequired

from sqlalchemy import Row
from typing_extensions import TypedDict

from mainspring.tables import ChatSession, Job, JobState, Version


class JobView(TypedDict):
    """`output`, `usage` and `timings` (seconds) or `error` are there once the job has ended.

    `moved_from`: the version that its conversation was on until then, in the first job after it had to leave; or the one
    that it named itself, which has left.
    """

    id: str
    state: str
    deployment: str
    version: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    attempt: int
    priority: str
    deadline_at: str | None
    session: str | None
    metadata: dict[str, str]
    moved_from: NotRequired[str]
    output: NotRequired[Any]
    usage: NotRequired[dict[str, Any] | None]
    timings: NotRequired[dict[str, Any] | None]
    error: NotRequired[dict[str, Any]]


# Columns, since an entity would bring the input along, which nobody is shown.
SHOWN = (
    Job.id,
    Job.state,
    Job.deployment,
    Version.number,
    Job.created_at,
    Job.started_at,
    Job.finished_at,
    Job.attempt,
    Job.priority,
    Job.deadline_at,
    ChatSession.name.label("session"),
    Job.moved_from,
    Job.metadata_.label("notes"),  # the one name by which Core and ORM both know it
    Job.output,
    Job.usage,
    Job.timings,
    Job.error,
)
LISTED = tuple(column for column in SHOWN if column is not Job.output)


def job_view(job: Row[Any]) -> JobView:
    """Of a row of the columns SHOWN; of LISTED, without the output."""
    view: JobView = {
        "id": str(job.id),
        "state": job.state,
        "deployment": job.deployment,
        "version": f"{job.deployment}@{job.number}",
        "created_at": moment(job.created_at),
        "started_at": optional_moment(job.started_at),
        "finished_at": optional_moment(job.finished_at),
        "attempt": job.attempt,
        "priority": job.priority,
        "deadline_at": optional_moment(job.deadline_at),
        "session": job.session,
        "metadata": job.notes,
    }
    if job.moved_from is not None:
        view["moved_from"] = job.moved_from
    if job.state == JobState.SUCCEEDED:
        view |= {"usage": job.usage, "timings": job.timings}
        if "output" in job._fields:
            view["output"] = job.output
    elif job.error is not None:
        view |= {"error": job.error, "timings": job.timings}
    return view


def moment(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.isoformat().replace("+00:00", "Z")


def optional_moment(at: datetime | None) -> str | None:
    return None if at is None else moment(at)
