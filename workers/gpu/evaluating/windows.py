"""A text longer than what a model reads at once, in windows that overlap by half. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """`ids` of one pass, of which those from `first` on are scored, each by what stands before it."""

    ids: list[int]
    first: int


def windows(ids: list[int], first: int, length: int) -> Iterator[Window]:
    """Each token from `first` (at least 1) on is in one window only what is scored; it has half a window before it where
    the text has so much. `length`: at least 2."""
    begin = max(0, min(first - length // 2, len(ids) - length)) if first >= length else 0
    while first < len(ids):
        end = min(begin + length, len(ids))
        yield Window(ids[begin:end], first - begin)
        first, begin = end, end - length // 2
