"""Which recipes there are, what they make, and whether what is asked of one makes sense."""

from typing import Any, Literal

from pydantic import ValidationError

from mainspring.errors import InvalidRequest, UnknownParameter
from mainspring.tables import Task
from mainspring.training.recipes.candidates import candidate, require_comparable
from mainspring.training.recipes.fields import Learning
from mainspring.training.recipes.shapes import (
    ContinuedPretraining,
    EncoderFineTuning,
    Import,
    PreferenceTuning,
    SupervisedFineTuning,
)

IMPORT = "import"
CONTINUED_PRETRAINING = "continued-pretraining"
SUPERVISED_FINE_TUNING = "supervised-fine-tuning"
PREFERENCE_TUNING = "preference-tuning"
ENCODER_FINE_TUNING = "encoder-fine-tuning"

Parameters = Import | ContinuedPretraining | SupervisedFineTuning | PreferenceTuning | EncoderFineTuning
SHAPES: dict[str, type[Parameters]] = {
    IMPORT: Import,
    CONTINUED_PRETRAINING: ContinuedPretraining,
    SUPERVISED_FINE_TUNING: SupervisedFineTuning,
    PREFERENCE_TUNING: PreferenceTuning,
    ENCODER_FINE_TUNING: EncoderFineTuning,
}
_ENCODERS = {
    Task.TEXT_CLASSIFICATION,
    Task.TOKEN_CLASSIFICATION,
    Task.QUESTION_ANSWERING,
    Task.FEATURE_EXTRACTION,
    Task.FILL_MASK,
}
MAKES: dict[str, frozenset[Task]] = {
    IMPORT: frozenset(Task),
    CONTINUED_PRETRAINING: frozenset({Task.TEXT_GENERATION}),
    SUPERVISED_FINE_TUNING: frozenset({Task.TEXT_GENERATION, Task.TRANSLATION, Task.SUMMARIZATION}),
    PREFERENCE_TUNING: frozenset({Task.TEXT_GENERATION}),
    ENCODER_FINE_TUNING: frozenset(_ENCODERS),
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
    if isinstance(parameters, EncoderFineTuning):
        _require_labels(parameters, task)
    if isinstance(parameters, Learning):
        _require_whole_batches(parameters)
    _require_what_can_be_served(parameters, task)
    if isinstance(parameters, Learning) and parameters.candidates is not None:
        _require_candidates(recipe, task, parameters, given)
    return parameters


def _require_candidates(recipe: str, task: Task, parameters: Learning, given: dict[str, Any]) -> None:
    """Each is one that could be asked for alone; an adapter is not kept apart, since it is measured where it was made."""
    require_comparable(parameters)
    for name in parameters.candidates or {}:
        at = f"parameters.candidates.{name}"
        try:
            alone = validated(recipe, task, candidate(given, name))
        except InvalidRequest as error:
            field = (error.field or "").replace("parameters", at, 1)
            raise type(error)(error.detail, field=field, remedy=error.remedy) from None
        if isinstance(alone, Learning) and alone.lora is not None and not alone.lora.merge:
            raise InvalidRequest(
                "an adapter that is kept apart has no rival",
                field=f"{at}.lora.merge",
                remedy="Leave `merge` out, or train this one alone.",
            )


def _require_one_source(parameters: Parameters, field: str, remedy: str) -> None:
    other = getattr(parameters, field)
    sources = [] if other is None else list(other.model_dump(exclude_none=True))
    sources += [] if getattr(parameters, "dataset", None) is None else ["dataset"]
    if len(sources) != 1 or (other is not None and sources == ["dataset"]):
        raise InvalidRequest(
            f"there are {len(sources)} sources to learn from", field=f"parameters.{field}", remedy=remedy
        )


def _require_labels(parameters: EncoderFineTuning, task: Task) -> None:
    if parameters.examples is not None and task is not Task.TEXT_CLASSIFICATION:
        raise InvalidRequest(
            f"examples of labels teach no {task.value}",
            field="parameters.examples",
            remedy="Give the digest of a dataset instead.",
        )


def _require_whole_batches(parameters: Learning) -> None:
    if parameters.batch_size % parameters.accumulation_steps:
        raise InvalidRequest(
            f"{parameters.batch_size} examples cannot be taken in {parameters.accumulation_steps} equal parts",
            field="parameters.accumulation_steps",
            remedy="Give a divisor of `batch_size`.",
        )
    alone = parameters.batch_size == parameters.accumulation_steps
    if isinstance(parameters, PreferenceTuning) and parameters.method == "kto" and alone:
        raise InvalidRequest(
            "kto compares the answers of a batch, and each would be alone",
            field="parameters.batch_size",
            remedy="Take at least two examples at a time.",
        )


def _require_what_can_be_served(parameters: Parameters, task: Task) -> None:
    """An adapter is small matrices beside the weights of a model that has all else; a head is more than that."""
    if not isinstance(parameters, Learning) or parameters.lora is None:
        return
    if getattr(parameters, "base", None) is None:
        raise InvalidRequest(
            "a model from nothing has no weights that could stay as they are",
            field="parameters.lora",
            remedy="Leave `lora` out, or give a base.",
        )
    if task in _ENCODERS and not parameters.lora.merge:
        raise InvalidRequest(
            f"an adapter for {task.value} is not kept apart, because the head is trained with it",
            field="parameters.lora.merge",
            remedy="Leave `merge` out: the version then has weights of its own.",
        )


def _explain(error: ValidationError, shape: type[Parameters]) -> InvalidRequest:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(["parameters", *map(str, first["loc"])])
    remedy = f"This recipe takes: {', '.join(shape.model_fields)}."
    if first["type"] == "extra_forbidden":
        return UnknownParameter(f"there is no `{field}` here", field=field, remedy=remedy)
    return InvalidRequest(first["msg"], field=field, remedy=remedy)
