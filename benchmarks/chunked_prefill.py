"""What a long prompt costs those who are decoding: the time between two of their tokens, alone and beside it.

The slot engine in process, 31 requests that decode; then prompts of 1,500 tokens arrive, one after the other. A gap
counts as beside a prompt from its arrival to its first token. Target: a p99 at most twice that without them.

    python -m benchmarks.chunked_prefill [--size 20M] [--repeats 6]
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import perf_counter

from transformers import AutoModelForCausalLM

from benchmarks import random_llama
from benchmarks.machine import describe
from workers.gpu import device
from workers.gpu.progress import Progress
from workers.gpu.sampling import Sampling
from workers.gpu.slotted.loop import SlotLoop

OTHERS, PROMPT, SHORT = 31, 1500, 40
SECONDS = 4.0  # of decoding alone, before each prompt
CONTEXT = 2048


class Heard:
    """When the others had their tokens, and when the prompt that arrived had its first."""

    def __init__(self) -> None:
        self.gaps: list[tuple[float, float]] = []  # their begin and length
        self.first = Event()
        self._last: dict[str, float] = {}

    def __call__(self, told: list[Progress]) -> None:
        now = perf_counter()
        for one in told:
            if one.key.startswith("long"):
                self.first.set()
                continue
            if one.key in self._last:
                self.gaps.append((self._last[one.key], now - self._last[one.key]))
            self._last[one.key] = now


def measure(folder: Path, repeats: int, chunk: int | None) -> tuple[list[float], list[float]]:
    """The gaps alone and beside prompts, in seconds."""
    heard = Heard()
    loop = SlotLoop(
        AutoModelForCausalLM.from_pretrained(folder, dtype=device.dtype()).eval().requires_grad_(False),
        tokens=(OTHERS + 1) * CONTEXT,
        slots=OTHERS + 1,
        end_ids=set(),
        deliver=heard,
        stepped=lambda: None,
        chunk=chunk,
        compile_after=None,
        threads=device.use_threads(),
    )
    loop.start()
    for number in range(OTHERS):
        loop.add(f"short {number}", [1 + number] * SHORT, CONTEXT - SHORT - 1, Sampling(seed=number))
    beside = [_arrive(loop.add, heard, number) for number in range(repeats)]
    loop.stop(10)
    first = beside[0][0] - SECONDS / 2  # the others' own prompts are over
    inside = [gap for begin, gap in heard.gaps if any(a <= begin + gap and begin <= b for a, b in beside)]
    outside = [
        gap
        for begin, gap in heard.gaps
        if begin >= first and not any(a <= begin + gap and begin <= b for a, b in beside)
    ]
    return outside, inside


def _arrive(add: Callable[..., bool], heard: Heard, number: int) -> tuple[float, float]:
    """When it came and when it had its first token."""
    heard.first.wait(SECONDS)
    heard.first.clear()
    begun = perf_counter()
    ids = [2 + (number * 7 + place) % 8000 for place in range(PROMPT)]
    add(f"long {number}", ids, 1, Sampling(seed=number))
    assert heard.first.wait(120)
    ended = perf_counter()
    heard.first.clear()
    return begun, ended


def p99(gaps: list[float]) -> float:
    return statistics.quantiles(gaps, n=100)[98]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=random_llama.SIZES, default="20M")
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--chunk", type=int, help="of so many tokens, instead of what the engine's pace says")
    asked = parser.parse_args()
    print(f"machine: {describe()}, {device.use_threads()} threads, {asked.size}, {device.dtype()}")
    with tempfile.TemporaryDirectory(prefix="mainspring-") as folder:
        random_llama.make(asked.size, Path(folder))
        alone, beside = measure(Path(folder), asked.repeats, asked.chunk)
    for name, gaps in (("alone", alone), ("beside a prompt", beside)):
        print(
            f"  between two tokens, {name}: median {1000 * statistics.median(gaps):.0f} ms,"
            f" p99 {1000 * p99(gaps):.0f} ms, of {len(gaps):,}"
        )
    print(f"  p99 beside / alone: {p99(beside) / p99(alone):.2f}, wanted at most 2")


if __name__ == "__main__":
    main()
