"""What a file declares, checked as far as it can be without a server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mainspring.declaring.lines import Document
from mainspring.errors import BadDeclaration, InvalidRequest
from mainspring.kept.plan import TextPlan, TracePlan
from mainspring.monitor.plan import DriftPlan
from mainspring.policy import Policy
from mainspring.registry.policy import check
from mainspring.release.draining import DrainPlan
from mainspring.release.plan import RolloutPlan, ShadowPlan
from mainspring.tables import Task

_WEIGHTS_MUST = "Give one version all (1.0), or the one in production and one other their shares of new work."


_PARTS: dict[tuple[Any, ...], type[BaseModel]] = {
    ("policy",): Policy,
    ("policy", "rollout"): RolloutPlan,
    ("policy", "rollout", "shadow"): ShadowPlan,
    ("policy", "drain"): DrainPlan,
    ("policy", "drift"): DriftPlan,
    ("policy", "texts"): TextPlan,
    ("policy", "traces"): TracePlan,
}


class Wanted(BaseModel):
    """One deployment. `policy`: all of it, None: as it is. `model`: a folder, beside the file or absolute, or a hub id.

    `base`: of a model that is an adapter, the version that it changes, such as chat@1.
    `weights`: the share of new work of the version in production and of one other; one alone has it all.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    task: Annotated[Task, Field(strict=False)]
    policy: dict[str, Any] | None = None
    model: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    revision: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    base: Annotated[str, Field(pattern=r"^[^@]+@[0-9]+$")] | None = None
    weights: dict[str, Annotated[float, Field(ge=0, le=1, strict=False)]] | None = None


class File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    deployments: dict[str, Wanted]


def read(document: Document) -> dict[str, Wanted]:
    """By name, adapters behind what they may change. Raises BadDeclaration, which names file, line and remedy."""
    found, wrong = examined(document)
    if wrong:
        raise wrong[0]
    return found


def examined(document: Document) -> tuple[dict[str, Wanted], list[BadDeclaration]]:
    """What read() gives, and all that is wrong with it. Nothing, if it has not the shape of such a file."""
    try:
        found = File.model_validate(document.content if document.content is not None else {})
    except ValidationError as error:
        return {}, [_misshapen(document, one) for one in error.errors()]
    wrong: list[BadDeclaration] = []
    for name, wanted in found.deployments.items():
        wrong += [*_of_policy(document, name, wanted), *_of_weights(document, name, wanted)]
        wanted.model = _beside(document.path, wanted.model)
        if wanted.base is not None and wanted.model is None:
            what, remedy = "there is no model that would change it", "Write `model:`, the adapter's folder."
            wrong.append(document.wrong(["deployments", name, "base"], what, remedy))
    return dict(sorted(found.deployments.items(), key=lambda item: item[1].base is not None)), wrong


def _misshapen(document: Document, error: Any) -> BadDeclaration:
    where = [step for step in error["loc"] if step != "[key]"]
    return document.wrong(where or ["deployments"], _in_words(error), _remedy(error, where))


def _of_policy(document: Document, name: str, wanted: Wanted) -> Iterator[BadDeclaration]:
    """As the server will say it."""
    if wanted.policy is None:
        return
    where = ["deployments", name]
    try:
        Policy.model_validate(wanted.policy)
        check(wanted.task, wanted.policy)
    except ValidationError as error:
        for one in error.errors():
            at: list[Any] = ["policy", *one["loc"]]
            yield document.wrong([*where, *at], _in_words(one), _remedy_for_policy(one, at))
    except InvalidRequest as error:
        at = (error.field or "policy").split(".")
        yield document.wrong([*where, *at], error.detail, error.remedy or "")


def _of_weights(document: Document, name: str, wanted: Wanted) -> Iterator[BadDeclaration]:
    if wanted.weights is None:
        return
    where = ["deployments", name, "weights"]
    for label in wanted.weights:
        if label.rpartition("@")[0] != name:
            what, remedy = f"this is no version of `{name}`", f"Write it as {name}@3: a share."
            yield document.wrong([*where, label], what, remedy)
    if not 1 <= len(wanted.weights) <= 2:
        yield document.wrong(where, f"{len(wanted.weights)} versions cannot share new work", _WEIGHTS_MUST)
    elif abs(sum(wanted.weights.values()) - 1) > 1e-6:
        yield document.wrong(where, f"the shares come to {sum(wanted.weights.values()):g}", _WEIGHTS_MUST)


def _beside(path: Path, model: str | None) -> str | None:
    """A folder's name is meant from where the file is; what is no folder there is a hub id."""
    if model is None:
        return None
    folder = path.parent / Path(model).expanduser()
    return str(folder.resolve()) if folder.is_dir() else model


def _in_words(error: Any) -> str:
    if error["type"] == "missing":
        return "it is missing"
    if error["type"] == "extra_forbidden":
        return "nothing of that name is known here"
    return str(error["msg"]).removeprefix("Input ").removeprefix("Value error, ").lower()


def _remedy_for_policy(error: Any, where: list[Any]) -> str:
    if error["type"] == "extra_forbidden":
        return f"Use: {', '.join(_PARTS[tuple(where[:-1])].model_fields)}."
    return "See the README for what a policy looks like."


def _remedy(error: Any, where: list[Any]) -> str:
    shape = Wanted if len(where) > 2 else File
    if error["type"] == "extra_forbidden":
        return f"Use: {', '.join(shape.model_fields)}."
    if where and where[-1] == "base":
        return "Write it as chat@1: the version that the adapter changes."
    if where and where[-1] == "task":
        return f"Write `task:` and one of: {', '.join(Task)}."
    if error["type"] == "missing":
        return f"Write `{where[-1]}:`." if where else "Write `deployments:`."
    return "See the README for what a file of deployments looks like."
