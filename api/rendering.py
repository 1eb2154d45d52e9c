"""JSON as bytes that every parser reads, whatever was stored: responses and server-sent events."""

import json
import math
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi.responses import JSONResponse


def dumps(value: Any) -> bytes:
    """UTF-8 on one line. A lone surrogate becomes its escape; numbers that JSON lacks become null."""
    try:
        return orjson.dumps(value)
    except TypeError:  # what it refuses: surrogates, numbers of more than 64 bits
        pass
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))
    # Only surrogates cannot be encoded, only inside strings, and their Python escape is also JSON's.
    return text.encode("utf-8", "backslashreplace")


class Json(JSONResponse):
    def render(self, content: Any) -> bytes:
        return dumps(content)


@dataclass(frozen=True)
class ServerEvent:
    """One event of an SSE stream; `id` is what a reader gives back as Last-Event-ID."""

    name: str
    id: str
    data: Any

    def encode(self) -> bytes:
        return f"id: {self.id}\nevent: {self.name}\ndata: ".encode() + dumps(self.data) + b"\n\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
