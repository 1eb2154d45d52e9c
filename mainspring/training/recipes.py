"""The recipes by which versions are made, and what each takes. workers/gpu/recipes/ carries them out."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mainspring.errors import InvalidRequest, UnknownParameter
from mainspring.tables import Task

IMPORT = "import"
CONTINUED_PRETRAINING = "continued-pretraining"
ENCODER_FINE_TUNING = "encoder-fine-tuning"

Text = Annotated[str, Field(min_length=1, max_length=4096, pattern="^[^\x00]+$")]
ModuleName = Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
Modules = Annotated[list[ModuleName], Field(min_length=1, max_length=100)]
Rate = Annotated[float, Field(gt=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Import(_Strict):
    """`model`: a folder on the train worker's machine, or a hub id; `revision` of the hub id.

    `base`: of an adapter, the version that it changes, with the digest of its files. `now`: without a rollout. `hold`: beside a version in production it waits until somebody says how it takes over.
    """

    model: Text
    revision: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    base: Annotated[str, Field(min_length=3, max_length=80)] | None = None
    base_digest: Digest | None = None
    now: bool = False
    hold: bool = False


class Corpus(_Strict):
    """One of the two: the docstrings of installed modules, or a folder (or file) of .txt, .md and .jsonl (`text`)."""

    docstrings: Modules | None = None
    folder: Text | None = None


class ContinuedPretraining(_Strict):
    """From `base`, or from nothing: then a small Llama-shaped model and its tokenizer are made.

    It learns a corpus, or the texts and conversations of a dataset. Lengths in tokens; `held_out`: the share of a corpus'
    documents kept for evaluation; `learning_rate` is the peak, and when none is given 1e-4 for a base and 3e-3 for a
    model from nothing.
    """

    corpus: Corpus | None = None
    dataset: Digest | None = None
    base: Text | None = None
    steps: Annotated[int, Field(ge=1, le=10_000_000)] = 400
    learning_rate: Rate | None = None
    block_length: Annotated[int, Field(ge=16, le=131_072)] = 256
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    seed: Seed = 0
    chat_template: bool = True
    held_out: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    checkpoint_steps: Annotated[int, Field(ge=1)] = 100


class Examples(_Strict):
    """One of the two: a label's modules, whose docstrings are its texts, or a JSONL file of {text, label}."""

    docstrings: Annotated[dict[str, Modules], Field(min_length=2, max_length=1000)] | None = None
    file: Text | None = None


class EncoderFineTuning(_Strict):
    """A classifier from an encoder; its lowest `frozen_layers` layers and its embeddings stay as they are.

    `examples_per_label` bounds what is taken of `examples`; when it is not given, a file is taken whole and 600 of the
    docstrings. Of a dataset, all labelled rows are.
    """

    base: Text
    examples: Examples | None = None
    dataset: Digest | None = None
    steps: Annotated[int, Field(ge=1, le=10_000_000)] = 100
    learning_rate: Rate = 3e-4
    block_length: Annotated[int, Field(ge=8, le=8192)] = 64
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    frozen_layers: Annotated[int, Field(ge=0, le=1000)] = 4
    examples_per_label: Annotated[int, Field(ge=4, le=1_000_000)] | None = None
    seed: Seed = 0
    held_out: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    checkpoint_steps: Annotated[int, Field(ge=1)] = 100


Parameters = Import | ContinuedPretraining | EncoderFineTuning
SHAPES: dict[str, type[Parameters]] = {
    IMPORT: Import,
    CONTINUED_PRETRAINING: ContinuedPretraining,
    ENCODER_FINE_TUNING: EncoderFineTuning,
}
MAKES: dict[str, frozenset[Task]] = {
    IMPORT: frozenset(Task),
    CONTINUED_PRETRAINING: frozenset({Task.TEXT_GENERATION}),
    ENCODER_FINE_TUNING: frozenset({Task.TEXT_CLASSIFICATION}),
}
ONE_OF: dict[str, tuple[Literal["corpus", "examples"], str]] = {
    CONTINUED_PRETRAINING: ("corpus", "Give one of: `docstrings` or `folder` of a corpus, or a dataset."),
    ENCODER_FINE_TUNING: ("examples", "Give one of: `docstrings` or `file` of examples, or a dataset."),
}


def validated(recipe: str, task: Task, given: dict[str, Any]) -> Parameters:
    """With every default filled in. Raises InvalidRequest or UnknownParameter, naming the field."""
    if recipe not in SHAPES:
        raise InvalidRequest(
            f"there is no recipe `{recipe}`", field="recipe", remedy=f"The recipes: {', '.join(SHAPES)}."
        )
    if task not in MAKES[recipe]:
        able = ", ".join(name for name, tasks in MAKES.items() if task in tasks)
        raise InvalidRequest(
            f"the recipe `{recipe}` makes no models for {task.value}",
            field="recipe",
            remedy=f"Recipes for this task: {able}.",
        )
    shape = SHAPES[recipe]
    try:
        parameters = shape.model_validate(given)
    except ValidationError as error:
        raise _explain(error, shape) from None
    if recipe in ONE_OF:
        _require_one_source(parameters, *ONE_OF[recipe])
    return parameters


def _require_one_source(parameters: Parameters, field: str, remedy: str) -> None:
    other = getattr(parameters, field)
    sources = [] if other is None else list(other.model_dump(exclude_none=True))
    sources += [] if getattr(parameters, "dataset", None) is None else ["dataset"]
    if len(sources) != 1 or (other is not None and sources == ["dataset"]):
        raise InvalidRequest(
            f"there are {len(sources)} sources to learn from", field=f"parameters.{field}", remedy=remedy
        )


def _explain(error: ValidationError, shape: type[Parameters]) -> InvalidRequest:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(["parameters", *map(str, first["loc"])])
    remedy = f"This recipe takes: {', '.join(shape.model_fields)}."
    if first["type"] == "extra_forbidden":
        return UnknownParameter(f"there is no `{field}` here", field=field, remedy=remedy)
    return InvalidRequest(first["msg"], field=field, remedy=remedy)
