"""What each encoder task makes of a forward pass. A head knows texts and scores, nothing of batches or threads."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from mainspring.errors import PromptTooLong

_LEAST = 1e-30  # a probability that was rounded to nothing


@dataclass(frozen=True)
class Piece:
    """One row of a pass. `note`: what the head needs to read its result."""

    ids: list[int]
    types: list[int] | None = None
    note: Any = None


R = TypeVar("R")  # what comes out for one piece


@dataclass(frozen=True)
class Work(Generic[R]):
    """A request as pieces; `finish` makes its output of their results, in order."""

    pieces: list[Piece]
    finish: Callable[[list[R]], Any]


class Head(Protocol):
    """`width`: numbers that a pass gives back for each token."""

    width: int

    def prepare(self, given: Any, parameters: dict[str, Any]) -> Work[Tensor]:
        """Raises InvalidRequest or PromptTooLong. Called from many threads."""
        ...

    def inputs(self, pieces: list[Piece], device: torch.device) -> dict[str, Tensor]: ...

    def rows(self, outputs: Any, mask: Tensor) -> list[Tensor]:
        """One float32 tensor a piece, on the CPU, without the padding."""
        ...

    def likelihood(self, output: Any) -> float | None:
        """How sure it is of an output, in nats: the mean over its texts. None: this kind of output says nothing of it."""
        ...

    def measures(self, rows: list[Tensor]) -> dict[str, float]:
        """What else the pieces' rows say of an answer, by name."""
        ...


@dataclass
class Texts:
    """The shared part: texts to pieces, pieces to tensors. `context`: tokens that the version reads."""

    tokenizer: PreTrainedTokenizerBase
    context: int
    lock: Lock = field(
        default_factory=Lock
    )  # tokenizers refuse to be changed while another thread reads them

    def piece(self, text: str, where: str) -> Piece:
        """`note` is the tokenizer's own record: offsets, words, special tokens."""
        with self.lock:
            encoded = self.tokenizer(
                text, return_offsets_mapping=self.tokenizer.is_fast, return_special_tokens_mask=True
            )
        ids = self.fitting(list(encoded["input_ids"]), where)
        return Piece(ids, encoded.get("token_type_ids"), encoded)

    def fitting(self, ids: list[int], where: str) -> list[int]:
        """The same, if the version reads so many. Raises PromptTooLong."""
        if len(ids) > self.context:
            raise PromptTooLong(
                f"the text has {len(ids)} tokens; the version reads {self.context}",
                field=where,
                remedy="Send a shorter text, or divide it.",
            )
        return ids

    def pieces(self, given: str | list[str]) -> list[Piece]:
        if isinstance(given, str):
            return [self.piece(given, "input")]
        return [self.piece(text, f"input.{index}") for index, text in enumerate(given)]

    def tensors(self, pieces: list[Piece], device: torch.device) -> dict[str, Tensor]:
        """input_ids, attention_mask and perhaps token_type_ids, each [pieces, longest], padded on the right."""
        longest = max(len(piece.ids) for piece in pieces)
        pad = self.tokenizer.pad_token_id or 0
        padded = [piece.ids + [pad] * (longest - len(piece.ids)) for piece in pieces]
        real = [[1] * len(piece.ids) + [0] * (longest - len(piece.ids)) for piece in pieces]
        made = {"input_ids": torch.tensor(padded), "attention_mask": torch.tensor(real)}
        if all(piece.types is not None for piece in pieces):
            types = [list(piece.types or []) + [0] * (longest - len(piece.ids)) for piece in pieces]
            made["token_type_ids"] = torch.tensor(types)
        return {name: tensor.to(device) for name, tensor in made.items()}


class TextHead(ABC):
    """A head whose every piece is one text: a string gives one result, a list a list of them."""

    width = 1

    def __init__(self, texts: Texts) -> None:
        self.texts = texts

    def inputs(self, pieces: list[Piece], device: torch.device) -> dict[str, Tensor]:
        return self.texts.tensors(pieces, device)

    def prepare(self, given: Any, parameters: dict[str, Any]) -> Work[Tensor]:
        pieces = self.texts.pieces(given)
        texts = [given] if isinstance(given, str) else given

        def finish(rows: list[Tensor]) -> Any:
            results = [self.read(*one, parameters) for one in zip(texts, pieces, rows, strict=True)]
            return results[0] if isinstance(given, str) else results

        return Work(pieces, finish)

    def likelihood(self, output: Any) -> float | None:  # noqa: ARG002  most outputs are no choice among a few
        return None

    def measures(self, rows: list[Tensor]) -> dict[str, float]:  # noqa: ARG002
        return {}

    @abstractmethod
    def read(self, text: str, piece: Piece, row: Tensor, parameters: dict[str, Any]) -> Any:
        """The result of one text."""

    def rows(self, outputs: Any, mask: Tensor) -> list[Tensor]:
        """[tokens, width] of each piece."""
        return unpadded(outputs.logits, mask)


def mean_log(scores: list[float]) -> float | None:
    """Of probabilities, in nats. None: there are none."""
    return math.fsum(math.log(max(score, _LEAST)) for score in scores) / len(scores) if scores else None


def unpadded(values: Tensor, mask: Tensor) -> list[Tensor]:
    """[pieces, longest, …] → one [tokens, …] a piece."""
    lengths = mask.sum(dim=1).tolist()
    return [row[:length] for row, length in zip(values.float().cpu(), lengths, strict=True)]


def labels(config: PreTrainedConfig) -> dict[int, str]:
    return {int(index): str(label) for index, label in (config.id2label or {}).items()}
