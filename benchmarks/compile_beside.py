"""Decode steps are compiled beside serving: what that costs the first answer and those who are served meanwhile.

First, in turn on two whole stacks, one of which never compiles: from `mainspring deploy` to the first answer. Then the
slot engine in process, with 32 requests in flight, half of them sampled, from a cold engine until every number of rows
that occurs is compiled and for a while longer: every answer is held against that of an engine that never compiles.

    python -m benchmarks.compile_beside [--size 20M] [--seconds 150]
"""

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from itertools import count
from pathlib import Path
from queue import SimpleQueue

from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks import random_llama
from benchmarks.machine import describe
from benchmarks.prompts import NEW_TOKENS, prompts
from tests.faults.stack import Stack
from workers.gpu import device
from workers.gpu.progress import Progress
from workers.gpu.sampling import Sampling
from workers.gpu.slotted.compiled import WORTH_COMPILING
from workers.gpu.slotted.loop import SlotLoop

IN_FLIGHT, TEXTS, REPEATS = 32, 48, 3
WINDOW = 5.0  # seconds
CONTEXT = 2048


class Engine:
    """`ended`: requests with all their tokens, as they end."""

    def __init__(self, folder: Path, *, compiling: bool) -> None:
        self.ended: SimpleQueue[Progress] = SimpleQueue()
        threads = device.use_threads()
        self.loop = SlotLoop(
            AutoModelForCausalLM.from_pretrained(folder, dtype=device.dtype())
            .eval()
            .requires_grad_(requires_grad=False),
            tokens=IN_FLIGHT * CONTEXT,
            slots=IN_FLIGHT,
            end_ids=set(),
            deliver=self._hear,
            stepped=lambda: None,
            compile_after=WORTH_COMPILING if compiling else None,
            threads=threads,
        )
        self.loop.start()

    def ask(self, key: str, ids: list[int], number: int) -> None:
        warm = 1.0 if number % 2 else 0.0
        assert self.loop.add(key, ids, NEW_TOKENS, Sampling(seed=number, temperature=warm))

    def _hear(self, told: list[Progress]) -> None:
        for one in told:
            if one.finished or one.failed:
                self.ended.put(one)


def first_answers(folder: Path, home: Path) -> dict[bool, float]:
    """Seconds from the command to the answer of 64 tokens, medians, by whether it compiles."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    with (
        Stack(home / "plain", MAINSPRING_COMPILE_STEPS="false") as plain,
        Stack(home / "compiling") as compiling,
    ):
        for number in range(1 + REPEATS):
            for does, stack in ((False, plain), (True, compiling)):
                taken = first_answer(stack, f"number-{number}", folder)
                seconds[does] += [taken] if number else []  # the first waits for the workers to start
    return {does: statistics.median(found) for does, found in seconds.items()}


def first_answer(stack: Stack, name: str, folder: Path) -> float:
    begun = time.monotonic()
    stack.deploy(name, folder, "text-generation")
    with stack.client() as client:
        job = client.result(client.submit(name, prompts(1)[0], max_tokens=NEW_TOKENS)["id"])
    assert job["state"] == "succeeded"
    return time.monotonic() - begun


def expected(folder: Path, texts: list[list[int]]) -> list[list[int]]:
    engine = Engine(folder, compiling=False)
    for number, ids in enumerate(texts):
        engine.ask(str(number), ids, number)
    told = {one.key: one.tokens for one in (engine.ended.get() for _ in texts)}
    engine.loop.stop(10)
    return [told[str(number)] for number in range(len(texts))]


def served(folder: Path, texts: list[list[int]], seconds: float) -> None:
    """Serve for so long, and say what became of the answers and of the speed."""
    wanted = expected(folder, texts)
    engine, numbers = Engine(folder, compiling=True), count()

    def ask() -> None:
        number = next(numbers)
        engine.ask(f"{number}", texts[number % len(texts)], number % len(texts))

    begun, answers, wrong, failed = time.monotonic(), 0, 0, 0
    windows: dict[int, int] = defaultdict(int)
    ready: list[tuple[float, int]] = []
    for _ in range(IN_FLIGHT):
        ask()
    while (now := time.monotonic() - begun) < seconds:
        one = engine.ended.get()
        answers, failed = answers + 1, failed + one.failed
        wrong += one.tokens != wanted[int(one.key) % len(texts)]
        windows[int(now // WINDOW)] += len(one.tokens)
        ready += [(now, width) for width in engine.loop.passes.ready - {width for _, width in ready}]
        ask()
    engine.loop.stop(10)
    print(f"  {answers} answers, {failed} failed, {wrong} other than without compiling")
    print("  compiled: " + ", ".join(f"{width} rows after {at:.0f} s" for at, width in ready))
    print("  tokens/s: " + " ".join(f"{windows[n] / WINDOW:.0f}" for n in sorted(windows)[:-1]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=random_llama.SIZES, default="20M")
    parser.add_argument("--seconds", type=float, default=150)
    asked = parser.parse_args()
    print(f"machine: {describe()}, {device.use_threads()} threads, {asked.size}, {device.dtype()}")
    with tempfile.TemporaryDirectory(prefix="mainspring-") as name:
        folder = Path(name) / "model"
        random_llama.make(asked.size, folder)
        seconds = first_answers(folder, Path(name))
        print(
            f"  first answer after {seconds[True]:.2f} s, without compiling {seconds[False]:.2f} s:"
            f" {seconds[True] / seconds[False]:.2f}, wanted at most 1.5"
        )
        tokenizer = AutoTokenizer.from_pretrained(folder)
        served(folder, [tokenizer(text)["input_ids"] for text in prompts(TEXTS)], asked.seconds)


if __name__ == "__main__":
    main()
