"""question-answering: the best span of the context, {answer, score, start, end} in characters. Long contexts are read
in overlapping windows."""

from typing import Any

import torch
from torch import Tensor

from mainspring.errors import PromptTooLong
from workers.gpu.heads import Piece, Texts, Work, mean_log, unpadded

_OVERLAP = 128  # tokens that two windows share, so that an answer on the border is whole in one of them
_LONGEST = 30  # tokens of an answer


class AnswerHead:
    width = 2

    def __init__(self, texts: Texts) -> None:
        self.texts = texts

    def inputs(self, pieces: list[Piece], device: torch.device) -> dict[str, Tensor]:
        return self.texts.tensors(pieces, device)

    def rows(self, outputs: Any, mask: Tensor) -> list[Tensor]:
        """[tokens, 2] of each window: how well a token begins and ends the answer."""
        return unpadded(torch.stack([outputs.start_logits, outputs.end_logits], dim=-1), mask)

    def likelihood(self, output: Any) -> float | None:
        return mean_log([output["score"]])

    def measures(self, rows: list[Tensor]) -> dict[str, float]:  # noqa: ARG002
        return {}

    def prepare(self, given: Any, parameters: dict[str, Any]) -> Work[Tensor]:  # noqa: ARG002  this task has none
        pieces = self._windows(given["question"], given["context"])
        return Work(pieces, lambda rows: _best(given["context"], pieces, rows))

    def _windows(self, question: str, context: str) -> list[Piece]:
        """Raises PromptTooLong when the question leaves no room. `note`: a token's extent in the context, or None."""
        with self.texts.lock:
            asked = len(self.texts.tokenizer(question)["input_ids"])
            room = self.texts.context - asked - 4
            if room < _LONGEST:
                raise PromptTooLong(
                    f"the question has {asked} tokens; the version reads {self.texts.context} with the context",
                    field="input.question",
                    remedy="Ask a shorter question.",
                )
            encoded = self.texts.tokenizer(
                question,
                context,
                truncation="only_second",
                max_length=self.texts.context,
                stride=min(_OVERLAP, room // 2),
                return_overflowing_tokens=True,
                return_offsets_mapping=True,
            )
        types = encoded.get("token_type_ids") or [None] * len(encoded["input_ids"])
        windows = zip(encoded["input_ids"], types, encoded["offset_mapping"], strict=True)
        return [
            Piece(list(ids), kinds, _extents(encoded.sequence_ids(index), offsets))
            for index, (ids, kinds, offsets) in enumerate(windows)
        ]


def _extents(sequences: list[int | None], offsets: list[tuple[int, int]]) -> list[tuple[int, int] | None]:
    return [extent if of == 1 else None for of, extent in zip(sequences, offsets, strict=True)]


def _best(context: str, windows: list[Piece], rows: list[Tensor]) -> dict[str, Any]:
    """The span with the largest product of probabilities, taken over the context tokens of all windows."""
    total = torch.cat([_inside(piece, row) for piece, row in zip(windows, rows, strict=True)]).logsumexp(
        dim=0
    )
    best = (-torch.inf, 0, 0)
    for piece, row in zip(windows, rows, strict=True):
        start, end = _inside(piece, row).unbind(dim=-1)
        pairs = (start.unsqueeze(1) + end.unsqueeze(0)).masked_fill(_too_long(len(start)), -torch.inf)
        score, at = pairs.flatten().max(dim=0)
        first, last = divmod(int(at), len(start))
        if float(score) > best[0] and piece.note[first] and piece.note[last]:
            best = (float(score), piece.note[first][0], piece.note[last][1])
    chance = float((torch.tensor(best[0]) - total.sum()).exp())
    return {"answer": context[best[1] : best[2]], "score": chance, "start": best[1], "end": best[2]}


def _inside(piece: Piece, row: Tensor) -> Tensor:
    outside = torch.tensor([extent is None for extent in piece.note]).unsqueeze(1)
    return row.masked_fill(outside, -torch.inf)


def _too_long(tokens: int) -> Tensor:
    """True where an end stands before its beginning or too far behind it."""
    distance = torch.arange(tokens).unsqueeze(0) - torch.arange(tokens).unsqueeze(1)
    return (distance < 0) | (distance >= _LONGEST)
