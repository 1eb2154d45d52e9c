"""What a job may say: the input and parameters of each task, with an error that names the field and the remedy."""

import math
import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mainspring.errors import InvalidRequest, InvalidText, UnknownParameter
from mainspring.tables import Task

Language = Annotated[str, Field(pattern="^[A-Za-z][A-Za-z_-]{0,31}$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
MOST_TEXTS, MOST_BEAMS = 256, 8
_BAD_CHARACTER = re.compile("[\x00\ud800-\udfff]")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Generation(_Strict):
    """temperature 0 is greedy; `stop` ends the answer before the first of these strings."""

    temperature: Annotated[float, Field(ge=0, le=10)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    stop: Annotated[list[Annotated[str, Field(min_length=1, max_length=256)]], Field(max_length=8)] | None = (
        None
    )
    seed: Seed | None = None


class Ranking(_Strict):
    """How many of the best labels or candidates to give."""

    top_k: Annotated[int, Field(ge=1, le=1000)] | None = None


class Rewriting(_Strict):
    """`num_beams` 1 is greedy; each beam more costs as much as another request."""

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    num_beams: Annotated[int, Field(ge=1, le=MOST_BEAMS)] | None = None


class Translating(Rewriting):
    """Languages by the codes of the version's tokenizer, such as `en`, `en_XX` or `eng_Latn`."""

    source_language: Language | None = None
    target_language: Language | None = None


class NoParameters(_Strict):
    pass


class Message(_Strict):
    role: Annotated[str, Field(pattern="^(system|user|assistant)$")]
    content: Annotated[str, Field(min_length=1)]


class Messages(_Strict):
    messages: Annotated[list[Message], Field(min_length=1, max_length=1000)]


class Question(_Strict):
    question: Annotated[str, Field(min_length=1)]
    context: Annotated[str, Field(min_length=1)]


PARAMETERS: dict[Task, type[_Strict]] = {
    Task.TEXT_GENERATION: Generation,
    Task.TEXT_CLASSIFICATION: Ranking,
    Task.TOKEN_CLASSIFICATION: NoParameters,
    Task.FILL_MASK: Ranking,
    Task.QUESTION_ANSWERING: NoParameters,
    Task.FEATURE_EXTRACTION: NoParameters,
    Task.TRANSLATION: Translating,
    Task.SUMMARIZATION: Rewriting,
}


def validated_parameters(task: Task, given: dict[str, Any]) -> dict[str, Any]:
    """Without the ones left out. Raises InvalidRequest or UnknownParameter."""
    refuse_bad_text(given, "parameters")
    try:
        return PARAMETERS[task].model_validate(given).model_dump(exclude_none=True)
    except ValidationError as error:
        raise explain(error, "parameters", f"`{task}` takes: {_names(PARAMETERS[task])}.") from None


def validated_input(task: Task, given: Any) -> Any:
    """The input if the task can use it. Raises InvalidRequest or InvalidText."""
    refuse_bad_text(given, "input")
    if isinstance(given, dict) and task in (Task.TEXT_GENERATION, Task.QUESTION_ANSWERING):
        shape = Messages if task == Task.TEXT_GENERATION else Question
        try:
            return shape.model_validate(given).model_dump()
        except ValidationError as error:
            raise explain(error, "input", f"`{task}` takes {_SHAPES[task]}.") from None
    if isinstance(given, str) and task != Task.QUESTION_ANSWERING:
        return _not_empty(given, "input")
    if isinstance(given, list) and task not in (Task.TEXT_GENERATION, Task.QUESTION_ANSWERING):
        return _texts(given, task)
    raise InvalidRequest(
        f"`{task}` cannot read an input of type {_kind(given)}",
        field="input",
        remedy=f"Send {_SHAPES[task]}.",
    )


_SEVERAL = f"a string or a list of 1 to {MOST_TEXTS} strings"
_SHAPES = dict.fromkeys(Task, _SEVERAL) | {
    Task.TEXT_GENERATION: "a string or {messages: [{role, content}, …]}",
    Task.QUESTION_ANSWERING: "{question, context}, both strings",
}


def explain(error: ValidationError, prefix: str, remedy: str) -> InvalidRequest:
    """A pydantic error as ours: the first thing that is wrong, with its field."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join([prefix, *map(str, first["loc"])]) if prefix else ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return UnknownParameter(f"there is no `{field}` here", field=field, remedy=remedy)
    return InvalidRequest(first["msg"], field=field, remedy=remedy)


def _texts(given: list[Any], task: Task) -> list[str]:
    if not 1 <= len(given) <= MOST_TEXTS:
        raise InvalidRequest(
            f"the list holds {len(given)} texts", field="input", remedy=f"Send {_SHAPES[task]}."
        )
    for index, text in enumerate(given):
        if not isinstance(text, str):
            raise InvalidRequest(
                f"this text is of type {_kind(text)}", field=f"input.{index}", remedy=f"Send {_SHAPES[task]}."
            )
        _not_empty(text, f"input.{index}")
    return given


def _not_empty(text: str, field: str) -> str:
    if not text.strip():
        raise InvalidRequest("the text is empty", field=field, remedy="Send at least one visible character.")
    return text


def refuse_bad_text(value: Any, field: str) -> None:
    """Raises InvalidText for NUL and lone surrogates, InvalidRequest for NaN and infinities, however deep."""
    for where, leaf in _leaves(value, field):
        if isinstance(leaf, str) and (found := _BAD_CHARACTER.search(leaf)):
            what = "NUL (U+0000)" if found[0] == "\0" else f"a lone surrogate (U+{ord(found[0]):04X})"
            raise InvalidText(
                f"the text holds {what}", field=where, remedy="Send well-formed Unicode without NUL."
            )
        if isinstance(leaf, float) and not math.isfinite(leaf):
            raise InvalidRequest("the number is not finite", field=where, remedy="Send a finite number.")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield path, key
            yield from _leaves(inner, f"{path}.{key}" if _BAD_CHARACTER.search(key) is None else path)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}.{index}")
    else:
        yield path, value


def _names(shape: type[BaseModel]) -> str:
    return ", ".join(shape.model_fields) or "no parameters"


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "string", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), "null")
