"""The shapes in which rows are shown, where more than one route speaks them."""

from datetime import datetime
from typing import Any, NotRequired

from sqlalchemy import Row
from typing_extensions import TypedDict

from mainspring.tables import Job, JobState, TrainingRun, Version


class JobView(TypedDict):
    """`output`, `usage` and `timings` (seconds) or `error` are there once the job has ended."""

    id: str
    state: str
    deployment: str
    version: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    attempt: int
    metadata: dict[str, str]
    output: NotRequired[Any]
    usage: NotRequired[dict[str, Any] | None]
    timings: NotRequired[dict[str, Any] | None]
    error: NotRequired[dict[str, Any]]


class VersionView(TypedDict):
    version: str
    number: int
    stage: str
    digest: str
    architecture: str
    parameters: int
    context_length: int | None
    licence: str | None
    source: dict[str, Any]
    created_at: str


class RunView(TypedDict):
    """`progress` from 0 to 1; `activity` says in words what the run is doing."""

    id: str
    deployment: str
    recipe: str
    parameters: dict[str, Any]
    state: str
    progress: float
    activity: str | None
    measures: dict[str, Any]
    error: dict[str, Any] | None
    version: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


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
    Job.metadata_.label("notes"),  # the one name by which Core and ORM both know it
    Job.output,
    Job.usage,
    Job.timings,
    Job.error,
)


def job_view(job: Row[Any]) -> JobView:
    """Of a row of the columns SHOWN."""
    view: JobView = {
        "id": str(job.id),
        "state": job.state,
        "deployment": job.deployment,
        "version": f"{job.deployment}@{job.number}",
        "created_at": moment(job.created_at),
        "started_at": _moment(job.started_at),
        "finished_at": _moment(job.finished_at),
        "attempt": job.attempt,
        "metadata": job.notes,
    }
    if job.state == JobState.SUCCEEDED:
        view |= {"output": job.output, "usage": job.usage, "timings": job.timings}
    elif job.error is not None:
        view |= {"error": job.error, "timings": job.timings}
    return view


def version_view(version: Version) -> VersionView:
    return {
        "version": version.label,
        "number": version.number,
        "stage": version.stage,
        "digest": version.digest,
        "architecture": version.architecture,
        "parameters": version.parameters,
        "context_length": version.context_length,
        "licence": version.licence,
        "source": version.source,
        "created_at": moment(version.created_at),
    }


def run_view(run: TrainingRun, number: int | None) -> RunView:
    """`number` is that of the version it made."""
    return {
        "id": str(run.id),
        "deployment": run.deployment,
        "recipe": run.recipe,
        "parameters": run.parameters,
        "state": run.state,
        "progress": run.progress,
        "activity": run.activity,
        "measures": run.measures,
        "error": run.error,
        "version": None if number is None else f"{run.deployment}@{number}",
        "created_at": moment(run.created_at),
        "started_at": _moment(run.started_at),
        "finished_at": _moment(run.finished_at),
    }


def moment(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.isoformat().replace("+00:00", "Z")


def _moment(at: datetime | None) -> str | None:
    return None if at is None else moment(at)
