"""The header of a safetensors file, read without loading a tensor.

Format: 8 bytes little-endian length n, then n bytes of JSON {name: {dtype, shape, data_offsets}}, then the data
(https://github.com/huggingface/safetensors#format).
"""

import json
import math
from pathlib import Path
from typing import Any

from mainspring.errors import ModelRefused

LONGEST_HEADER = 100_000_000  # bytes; the reference implementation's own bound


def count_parameters(path: Path) -> int:
    """The elements of all tensors in the file. Raises ModelRefused when its header is not sound."""
    size = path.stat().st_size
    header = _header(path, size)
    tensors = [entry for name, entry in header.items() if name != "__metadata__"]
    data = size - 8 - _length(path)
    try:
        ends = [int(entry["data_offsets"][1]) for entry in tensors]
        total = sum(math.prod(int(side) for side in entry["shape"]) for entry in tensors)
    except (KeyError, TypeError, ValueError, IndexError):
        raise _corrupt(path, "its header does not describe tensors") from None
    if max(ends, default=0) != data:
        raise _corrupt(path, f"its header speaks of {max(ends, default=0)} bytes of data, it has {data}")
    return total


def _header(path: Path, size: int) -> dict[str, Any]:
    length = _length(path)
    if size < 8 or not 2 <= length <= min(size - 8, LONGEST_HEADER):
        raise _corrupt(path, "its header is cut off or not one")
    with path.open("rb") as file:
        file.seek(8)
        raw = file.read(length)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):
        raise _corrupt(path, "its header is not JSON") from None
    if not isinstance(header, dict):
        raise _corrupt(path, "its header is not a JSON object")
    return header


def _length(path: Path) -> int:
    with path.open("rb") as file:
        return int.from_bytes(file.read(8), "little")


def _corrupt(path: Path, why: str) -> ModelRefused:
    return ModelRefused(
        f"{path.name} is not a sound safetensors file: {why}",
        field="model",
        remedy="Copy or download the file again, completely; save the model with save_pretrained().",
    )
