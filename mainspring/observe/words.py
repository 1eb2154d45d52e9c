"""A static embedding: the mean of a text's word vectors, each weighted by how rare the word is. No network is run.

The vectors are a frozen encoder's own input embeddings, read from its safetensors file by memory map. The weights are
those of Arora, Liang, Ma, A simple but tough-to-beat baseline for sentence embeddings, ICLR 2017: a / (a + p(word)), with
p by Zipf's law from the place in the vocabulary, which tokenizers order by frequency: so a vector depends on nothing that
changes. What all texts have in common (that paper's first principal component) stays: whoever compares centres first.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mainspring.errors import StackError
from mainspring.observe.table import Table
from mainspring.observe.vectors import Vectors

MOST_TOKENS = 256
_MOST_CHARACTERS = 8 * MOST_TOKENS  # seldom are 256 tokens so long; what is cut off need not be tokenised
_RARE = 1e-3  # `a` of the paper


class Words:
    """Of an encoder's folder: tokenizer.json and model.safetensors. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        """Raises StackError if the folder has no such files or no table of word vectors."""
        self.folder = folder
        try:
            from tokenizers import Tokenizer

            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._table = Table(folder / "model.safetensors")
        except (
            Exception
        ) as error:  # what is wrong with a tokenizer's file is raised as an Exception without a class
            raise StackError(
                f"no word vectors can be read from the encoder {folder.name}: {type(error).__name__}",
                remedy="Set MAINSPRING_ENCODER to a folder with tokenizer.json and model.safetensors.",
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._weights = _weights(len(self._table))
        for token in self._tokenizer.get_added_tokens_decoder():
            self._weights[token] = 0.0

    @property
    def dimensions(self) -> int:
        return int(self._table.shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """[texts, dimensions]; zeros for a text without words."""
        found = np.zeros((len(texts), self.dimensions), np.float32)
        for row, encoding in zip(
            found, self._tokenizer.encode_batch_fast([text[:_MOST_CHARACTERS] for text in texts]), strict=True
        ):
            ids = np.array(encoding.ids, np.int64)
            weights = self._weights[ids]
            if (total := weights.sum()) > 0:
                row[:] = weights @ self._table.rows(ids) / total
        return found


def _weights(words: int) -> NDArray[np.float32]:
    places = np.arange(1, words + 1)
    likely = 1 / (places * math.log(words + 1))
    return (_RARE / (_RARE + likely)).astype(np.float32)
