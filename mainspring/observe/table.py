"""A table of word vectors out of a safetensors file, by memory map: what is not looked up is not read.

The format (github.com/huggingface/safetensors, README): eight bytes with the length of a header, little-endian, the header
as JSON, then the numbers, row by row. Its library is not used, since processes that observe run without what models need.
"""

from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

_NAMES = ("word_embeddings.weight", "tok_embeddings.weight", "embed_tokens.weight", "wte.weight")
_KINDS = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


class Table:
    """[words, dimensions]. Raises ValueError if the file has no such table, or of numbers of another kind."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = orjson.loads(file.read(length))
        found = [one for name, one in header.items() if name.endswith(_NAMES)]
        if not found or found[0]["dtype"] not in _KINDS:
            raise ValueError("no table of word vectors")
        self._kind: str = found[0]["dtype"]
        self.shape = tuple(int(size) for size in found[0]["shape"])
        start = 8 + length + int(found[0]["data_offsets"][0])
        # As a plain array: what is taken out of a memmap is one too, at five times the time.
        self._numbers = np.asarray(np.memmap(path, _KINDS[self._kind], "r", start, self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def rows(self, words: NDArray[np.int64]) -> NDArray[np.float32]:
        """[words] places in the vocabulary → [words, dimensions]."""
        found = self._numbers[words]
        if self._kind == "BF16":  # the upper half of a float32
            return (found.astype(np.uint32) << 16).view(np.float32)
        return found.astype(np.float32, copy=False)
