"""What a version's folder says of itself, read from headers and JSON without loading a weight."""

import json
import struct
from math import prod
from pathlib import Path
from typing import Any

from mainspring.errors import ModelRefused

_HEADER_LIMIT = 100 * 2**20  # as the safetensors library has it
_BITS = {
    "F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16,
    "U16": 16, "I8": 8, "U8": 8, "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8,
}  # fmt: skip


def tensors(path: Path) -> dict[str, tuple[int, int]]:
    """Name → (elements, bytes) of every tensor. Raises ModelRefused when there are no readable safetensors."""
    files = sorted(path.glob("*.safetensors"))
    if not files:
        raise ModelRefused(
            "the folder holds no safetensors weights",
            remedy="Save it with `model.save_pretrained(path, safe_serialization=True)`; pickled weights are refused.",
        )
    found: dict[str, tuple[int, int]] = {}
    for file in files:
        for name, tensor in _header(file).items():
            if name != "__metadata__":
                elements = prod(tensor["shape"])
                found[name] = (elements, elements * _BITS.get(tensor["dtype"], 32) // 8)
    return found


def read_json(path: Path) -> dict[str, Any]:
    """Raises ModelRefused."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelRefused(
            f"the folder has no {path.name}", remedy="Save it with `save_pretrained`."
        ) from None
    except (OSError, ValueError):
        raise ModelRefused(f"{path.name} is not readable JSON") from None
    if not isinstance(content, dict):
        raise ModelRefused(f"{path.name} is not a JSON object")
    return content


def _header(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > _HEADER_LIMIT:
                raise ModelRefused(
                    f"{file.name} is not a safetensors file: its header is too long to be true"
                )
            header: dict[str, Any] = json.loads(opened.read(length))
    except (OSError, ValueError, struct.error):
        raise ModelRefused(f"{file.name} is not a safetensors file") from None
    return header
