"""The shapes in which rows are shown, where more than one route speaks them."""

from typing import Any

from typing_extensions import TypedDict

from mainspring.serving.views import moment, optional_moment
from mainspring.tables import TrainingRun, Version


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
        "started_at": optional_moment(run.started_at),
        "finished_at": optional_moment(run.finished_at),
    }
