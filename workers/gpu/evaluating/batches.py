"""What shares a pass."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def batched(
    given: Sequence[T], tokens: Callable[[T], int], most: int, *, padded: bool = True
) -> Iterator[list[T]]:
    """Of similar lengths, the longest first, so that what does not fit into memory fails at once; each within so many
    tokens, padding included, or a single one. Not `padded`: of equal lengths."""
    batch: list[T] = []
    for one in sorted(given, key=tokens, reverse=True):
        full = batch and tokens(batch[0]) * (len(batch) + 1) > most
        if full or (batch and not padded and tokens(one) < tokens(batch[0])):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch
