"""What shares a pass, and who runs it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from workers.gpu import device
from workers.gpu.evaluating.steps import Tick

T = TypeVar("T")
R = TypeVar("R")
_TOGETHER = 8  # passes on a CPU, each of which holds its scores in memory


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


def passes(
    batches: Sequence[list[T]], run: Callable[[list[T]], Sequence[R]], tick: Tick
) -> Iterator[tuple[T, R]]:
    """Each item with what `run` makes of it.

    On a CPU each core runs a pass of its own: cores that share one wait for each other at every operation, and the longer
    the more others want them, such as the versions that are served meanwhile.
    """
    count = sum(map(len, batches))
    done = 0
    for batch, found in zip(batches, _run(batches, run), strict=True):
        yield from zip(batch, found, strict=True)
        done += len(batch)
        tick(done / count)


def _run(batches: Sequence[list[T]], run: Callable[[list[T]], Sequence[R]]) -> Iterator[Sequence[R]]:
    if device.device().type != "cpu":
        yield from map(run, batches)
        return
    threads = device.use_threads()
    together = min(threads, _TOGETHER)
    pool = ThreadPoolExecutor(together, "passes", lambda: torch.set_num_threads(threads // together))
    try:
        yield from pool.map(run, batches)
    finally:
        pool.shutdown(cancel_futures=True)
