"""The shapes in which rows are shown, where more than one route speaks them."""

from collections.abc import Sequence
from typing import Any

from typing_extensions import TypedDict

from mainspring.refresh.work_views import WorkView, work_view
from mainspring.release.lineage import lineage
from mainspring.serving.views import moment, optional_moment
from mainspring.tables import EnginePlan, TrainingRun, Version


class PlanView(TypedDict):
    """How it runs on a kind of machine, as measured at its first load there; `asked`: the policy's engine then.

    `tried`: each candidate's engine, slots, threads and tokens_per_second. `reason`: why the slots cannot run it.
    """

    machine: str
    asked: str
    engine: str
    slots: int
    threads: int
    dtype: str
    tried: list[dict[str, Any]]
    reason: str | None
    at: str


class VersionView(TypedDict):
    """`reason`: why it is in its stage. `parent`: the version that it began as or changes. `dataset`, `tokenizer`: each with
    its digest. `bytes`: of its files. Null: not known, or there is none.
    """

    version: str
    number: int
    stage: str
    reason: str | None
    digest: str
    architecture: str
    parameters: int
    context_length: int | None
    licence: str | None
    source: dict[str, Any]
    parent: str | None
    dataset: dict[str, Any] | None
    tokenizer: dict[str, Any] | None
    bytes: int | None
    plans: list[PlanView]
    created_at: str
    deleted_at: str | None


class RunView(WorkView):
    """`dataset`: the id of what it learns from, where that is one of ours. `version`: what it made."""

    recipe: str
    parameters: dict[str, Any]
    dataset: str | None
    version: str | None


def version_view(version: Version, plans: Sequence[EnginePlan], reason: str | None) -> VersionView:
    origin = lineage(version)
    return {
        "version": version.label,
        "number": version.number,
        "stage": version.stage,
        "reason": reason,
        "digest": version.digest,
        "architecture": version.architecture,
        "parameters": version.parameters,
        "context_length": version.context_length,
        "licence": version.licence,
        "source": version.source,
        "parent": origin["parent"],
        "dataset": origin["dataset"],
        "tokenizer": origin["tokenizer"],
        "bytes": origin["bytes"],
        "plans": [_plan_view(plan) for plan in plans],
        "created_at": moment(version.created_at),
        "deleted_at": optional_moment(version.deleted_at),
    }


def _plan_view(plan: EnginePlan) -> PlanView:
    return {
        "machine": plan.machine,
        "asked": plan.asked,
        "engine": plan.engine,
        "slots": plan.slots,
        "threads": plan.threads,
        "dtype": plan.dtype,
        "tried": plan.tried,
        "reason": plan.reason,
        "at": moment(plan.at),
    }


def run_view(run: TrainingRun, number: int | None) -> RunView:
    """`number` is that of the version it made."""
    return {
        **work_view(run),
        "recipe": run.recipe,
        "parameters": run.parameters,
        "dataset": None if run.dataset_id is None else str(run.dataset_id),
        "version": None if number is None else f"{run.deployment}@{number}",
    }
