"""What is done between two steps of `generate`: numbers looked at, text told, rows ended that nobody wants any more."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock

import torch
from torch import Tensor
from transformers import LogitsProcessor, StoppingCriteria

from workers.gpu.sampling import likeliest
from workers.gpu.text import Pieces


@dataclass(frozen=True)
class Written:
    """What came of one piece. `logprob`, `entropy`: summed over `chosen` tokens, nats; None with beams."""

    text: str
    finish_reason: str
    tokens: int
    first_seconds: float
    logprob: float | None = None
    entropy: float | None = None
    chosen: int = 0


@dataclass
class Row:
    """One piece while it is written. `lock`: of the tokenizer; `over`: nothing more is to be done for it."""

    pieces: Pieces
    lock: Lock
    wanted: Callable[[], bool]
    tell: Callable[[str], None]
    broken: Callable[[], None]
    age: Callable[[], float]
    over: bool = False
    text: str = ""
    logprobs: list[float] = field(default_factory=list)
    entropy: float = 0.0
    first_seconds: float = 0.0
    written: Written | None = None

    def push(self, tokens: list[int], *, last: bool) -> None:
        """New text is told as soon as it is certain."""
        with self.lock:
            piece = self.pieces.push(tokens)
            if last:
                piece += self.pieces.finish()
        if piece:
            self.text += piece
            self.tell(piece)


class Numbers(LogitsProcessor):
    """Sees the scores by which the next tokens are chosen, and changes nothing."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        self._scores = scores
        _, self._whole, self._entropies = likeliest(scores)
        return scores

    def of(self, tokens: Tensor) -> Iterator[tuple[float, float]]:
        """Of each row the log-probability of its token and the entropy, in nats. Not finite where the scores are not."""
        chosen = self._scores.gather(1, tokens.unsqueeze(1)).squeeze(1) - self._whole
        return zip(chosen.tolist(), self._entropies.tolist(), strict=True)

    def broken(self, rows: int) -> list[bool]:
        """Whether any beam of each row has scores that are not finite."""
        return list((~self._whole.isfinite()).view(rows, -1).any(dim=1).tolist())


@dataclass
class Ends:
    """`ids` end an answer; `most` tokens are written; `forced`: the last of them is an end whatever the model wants.

    `skipped`: first tokens that the model did not choose, a language's code for instance. They are no text.
    """

    ids: set[int]
    most: int
    forced: bool
    skipped: int

    def reason(self, tokens: list[int]) -> str | None:
        """Why an answer of these tokens is over; None: it is not."""
        full = len(tokens) >= self.most
        if tokens[-1] in self.ids and not (full and self.forced):
            return "stop"
        return "length" if full else None


class Greedy(StoppingCriteria):
    """`stepped` is called after every step."""

    def __init__(self, rows: list[Row], numbers: Numbers, ends: Ends, *, stepped: Callable[[], None]) -> None:
        self._rows, self._numbers, self._ends, self._stepped = rows, numbers, ends, stepped
        self._tokens: list[list[int]] = [[] for _ in rows]

    def __call__(self, input_ids: Tensor, scores: object, **_kwargs: object) -> Tensor:  # noqa: ARG002
        """[rows]: which are over."""
        self._stepped()
        last = input_ids[:, -1]
        steps = zip(self._rows, self._tokens, last.tolist(), self._numbers.of(last), strict=True)
        for row, tokens, token, of_it in steps:
            if not row.over:
                self._advance(row, tokens, token, of_it)
        return torch.tensor([row.over for row in self._rows], device=input_ids.device)

    def _advance(self, row: Row, tokens: list[int], token: int, of_it: tuple[float, float]) -> None:
        """`of_it`: as `Numbers` has it."""
        logprob, entropy = of_it
        if not row.wanted():
            row.over = True
            return
        if not math.isfinite(logprob):
            row.over = True
            row.broken()
            return
        tokens.append(token)
        row.first_seconds = row.first_seconds or row.age()
        chosen = len(tokens) > self._ends.skipped
        if chosen:
            row.logprobs.append(logprob)
            row.entropy += entropy
        reason = self._ends.reason(tokens)
        row.over = reason is not None
        row.push([token] if chosen and token not in self._ends.ids else [], last=row.over)
        if reason is not None:
            row.written = Written(
                row.text,
                reason,
                len(tokens),
                row.first_seconds,
                sum(row.logprobs),
                row.entropy,
                len(row.logprobs),
            )


class Beams(StoppingCriteria):
    """Drops all beams of a row that is not wanted any more. Nothing is told before the search is over."""

    def __init__(self, rows: list[Row], numbers: Numbers, *, stepped: Callable[[], None]) -> None:
        self._rows, self._numbers, self._stepped = rows, numbers, stepped

    def __call__(self, input_ids: Tensor, scores: object, **_kwargs: object) -> Tensor:  # noqa: ARG002
        """[rows * candidates]: which are over."""
        self._stepped()
        for row, broken in zip(self._rows, self._numbers.broken(len(self._rows)), strict=True):
            if broken and not row.over:
                row.broken()
            row.over = row.over or broken or not row.wanted()
        over = torch.tensor([row.over for row in self._rows], device=input_ids.device)
        return over.repeat_interleave(len(input_ids) // len(self._rows))


def read(row: Row, ids: list[int], ends: Ends) -> None:
    """The best beam, from its first written token on; what follows the first end is padding."""
    at = next((index for index, token in enumerate(ids) if token in ends.ids), None)
    tokens = ids[: ends.most] if at is None else ids[: at + 1]
    row.push(tokens[ends.skipped : at], last=True)
    row.written = Written(row.text, ends.reason(tokens) or "length", len(tokens), row.age())
