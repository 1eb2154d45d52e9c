"""Items asked again with small changes, and what comes back put with its item."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from mainspring.curation.rows import Kind, Message, Row
from mainspring.evaluation.metrics.perturbing import perturbed

T = TypeVar("T")


@dataclass(frozen=True)
class Again(Generic[T]):
    """What is asked in all, and of which item each is."""

    asked: list[T]
    of: list[int]

    def grouped(self, found: Sequence[object], count: int) -> list[list[object]]:
        """By item."""
        groups: list[list[object]] = [[] for _ in range(count)]
        for at, one in zip(self.of, found, strict=True):
            groups[at].append(one)
        return groups


def changed(rows: Sequence[Row], seed: int, given: Callable[[Row], T]) -> Again[T]:
    """Each row in each way in which it can be changed, as `given` makes an input of a row."""
    asked, of = [], []
    for at, row in enumerate(rows):
        for text in perturbed(_question(row), seed).values():
            asked.append(given(_with(row, text)))
            of.append(at)
    return Again(asked, of)


def _question(row: Row) -> str:
    """What its asker said last, which is what is changed."""
    return row.messages[_place(row)].content if row.messages else row.text


def _with(row: Row, text: str) -> Row:
    if not row.messages:
        return replace(row, text=text)
    at = _place(row)
    said = Message(row.messages[at].role, text)
    return replace(row, messages=(*row.messages[:at], said, *row.messages[at + 1 :]))


def _place(row: Row) -> int:
    return len(row.messages) - (2 if row.kind == Kind.CHAT else 1)
