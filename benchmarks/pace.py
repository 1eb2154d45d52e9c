"""How fast: what a figure of a queue is made of, the same for ours and for others. Standard library alone."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

PRODUCERS = 8
ROUNDS = 3


def median(measure: Callable[[], float]) -> float:
    """Of three."""
    return statistics.median(measure() for _ in range(ROUNDS))


def produced(jobs: int, produce: Callable[[int], None]) -> float:
    """Jobs a second of eight producers, each of which hands in its share by `produce`, one after the other."""
    share = jobs // PRODUCERS
    begin = time.perf_counter()
    with ThreadPoolExecutor(PRODUCERS) as pool:
        list(pool.map(produce, [share] * PRODUCERS))
    return share * PRODUCERS / (time.perf_counter() - begin)


def lived(unfinished: Callable[[], int], patience: float = 60.0) -> float:
    """Jobs a second from the first that ends to the last, so that a worker's start is not counted."""
    before, until = unfinished(), time.monotonic() + patience
    while (left := unfinished()) == before:
        assert time.monotonic() < until, "no job has ended"
        time.sleep(0.02)
    begin = time.perf_counter()
    while unfinished():
        time.sleep(0.02)
    return left / (time.perf_counter() - begin)
