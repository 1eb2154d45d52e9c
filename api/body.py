"""Read a request's body: bounded while it arrives, JSON, an object, of well-formed text and finite numbers.

Where a route says so, one list of it may come by itself, as NDJSON.
"""

import json
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api.problems import UnsupportedMediaType
from mainspring.errors import BodyTooLarge, InvalidRequest, MalformedBody
from mainspring.serving.inputs import explain, refuse_bad_text

Shape = TypeVar("Shape", bound=BaseModel)
DEEPEST = 64
NDJSON = "application/x-ndjson"
_NOT_UTF8 = "Send the body as UTF-8."
_NOT_JSON = "Send one JSON object, as RFC 8259 has it."


async def read(request: Request, limit: int, shape: type[Shape], *, lines: str = "") -> Shape:
    """The body as `shape`. Raises UnsupportedMediaType, BodyTooLarge, MalformedBody, InvalidRequest and kin.

    `lines`: the field that is the whole of a body of NDJSON; what is wrong in it is told as if it had come as JSON.
    """
    media_type = _media_type(request)
    if lines and media_type == NDJSON:
        return shaped({lines: _parsed_lines(await _collect(request, limit), lines)}, shape)
    _check_media_type(media_type, lines)
    return shaped(parse(await _collect(request, limit)), shape)


def shaped(value: Any, shape: type[Shape]) -> Shape:
    """A parsed body as `shape`. Raises InvalidRequest and kin."""
    if not isinstance(value, dict):
        raise InvalidRequest(
            "the body is not an object", field="body", remedy=f"Send an object of: {_fields(shape)}."
        )
    for name, inner in value.items():
        refuse_bad_text(name, "body")
        refuse_bad_text(inner, name)
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise explain(error, "", f"The fields are: {_fields(shape)}.") from None


def parse(raw: bytes, first: int = 1) -> Any:
    """Raises MalformedBody with the line and column of what is wrong. NaN is read here, and refused by name later.

    `first`: the number of its first line.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(raw[: error.start], first)
        raise MalformedBody(
            f"not UTF-8 at line {line}, column {column}", field="body", remedy=_NOT_UTF8
        ) from None
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise MalformedBody(
            f"{error.msg} at line {first + error.lineno - 1}, column {error.colno}",
            field="body",
            remedy=_NOT_JSON,
        ) from None
    except ValueError:  # Python refuses to read integers of more than 4300 digits
        raise MalformedBody("a number has too many digits", field="body", remedy=_NOT_JSON) from None
    except RecursionError:
        raise _too_deep(text, first) from None
    if _deeper_than(value, DEEPEST):
        raise _too_deep(text, first)
    return value


def _parsed_lines(raw: bytes, name: str) -> list[Any]:
    """Empty ones are left out. Raises MalformedBody with the place in the list, and the line."""
    found: list[Any] = []
    for number, line in enumerate(raw.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            found.append(parse(line, number))
        except MalformedBody as error:
            error.field = f"{name}.{len(found)}"
            raise
    return found


async def _collect(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large(limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


def _check_media_type(media_type: str, lines: str) -> None:
    if media_type != "application/json" and not media_type.endswith("+json"):
        other = f", or `{NDJSON}` with one of the {lines} a line" if lines else ""
        raise UnsupportedMediaType(
            "the body is declared as something else than JSON",
            field="Content-Type",
            remedy=f"Send `Content-Type: application/json`{other}.",
        )


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"the body exceeds {limit} bytes", field="body", remedy=f"Send at most {limit} bytes."
    )


def _too_deep(text: str, first: int) -> MalformedBody:
    """Where nesting first passes the bound, counted without regard for brackets inside strings."""
    depth = 0
    for index, character in enumerate(text):
        depth += (character in "[{") - (character in "]}")
        if depth > DEEPEST:
            line, column = _place(text[:index].encode("utf-8", "replace"), first)
            where = f" at line {line}, column {column}"
            break
    else:
        where = ""
    return MalformedBody(
        f"nested deeper than {DEEPEST} levels{where}", field="body", remedy="Send a flatter object."
    )


def _deeper_than(value: Any, bound: int) -> bool:
    level = [value]
    for _ in range(bound + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _place(before: bytes, first: int) -> tuple[int, int]:
    """Line, of which theirs is the `first`, and column, from 1, of what follows these bytes."""
    last = before.rpartition(b"\n")[2]
    return before.count(b"\n") + first, len(last.decode("utf-8", "replace")) + 1


def _fields(shape: type[BaseModel]) -> str:
    return ", ".join(f"`{name}`" for name in shape.model_fields)
