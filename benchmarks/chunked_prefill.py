"""What a long prompt costs those who decode beside it: the slots' inter-token gaps, without it and while it is read.

In every round 31 requests begin anew and decode alone for some steps; then a prompt of 1,500 tokens comes into the last
slot. A gap is the time between two deliveries to the same request. Target: their p99 at most doubles.

    python -m benchmarks.chunked_prefill [--size 20M] [--rounds 10] [--chunk TOKENS]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from threading import Event

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from benchmarks import random_llama
from benchmarks.machine import describe
from workers.gpu import device
from workers.gpu.progress import Progress
from workers.gpu.sampling import Sampling
from workers.gpu.slotted.loop import SlotLoop

DECODING, LONG, SHORT = 31, 1500, 64
ALONE = 40  # steps of a round before the long prompt comes
CACHE = 600  # positions a slot: far fewer than each could have of its own
SECONDS = 120  # after which something is wrong
GREEDY = Sampling(seed=0)


class Ear:
    """Hears the loop in one round. `gaps`: in seconds, from the moment on when all decode."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self.gaps: list[float] = []
        self.alone, self.read = Event(), Event()

    def hear(self, told: list[Progress]) -> None:
        now = time.perf_counter()
        short = [one.key for one in told if one.key != "long"]
        if len(self._last) == DECODING:
            self.gaps += [now - self._last[key] for key in short]
        self._last |= dict.fromkeys(short, now)
        if len(self.gaps) >= ALONE * DECODING:
            self.alone.set()
        if len(short) < len(told):
            self.read.set()


class Rounds:
    """`alone`, `beside`: gaps in seconds; `waited`: seconds to the first token after each long prompt."""

    def __init__(self, model: PreTrainedModel, chunk: int | None) -> None:
        self._ear = Ear()
        self._draw = torch.Generator().manual_seed(1)
        self.alone, self.beside, self.waited = list[float](), list[float](), list[float]()
        self.loop = SlotLoop(
            model,
            tokens=(DECODING + 1) * CACHE,
            slots=DECODING + 1,
            end_ids=set(),
            deliver=lambda told: self._ear.hear(told),
            stepped=lambda: None,
            chunk=chunk,
            compile_after=None,
        )

    def one(self) -> None:
        self._ear = ear = Ear()
        for number in range(DECODING):
            self.loop.add(str(number), self._prompt(SHORT), random_llama.CONTEXT - SHORT, GREEDY)
        assert ear.alone.wait(SECONDS)
        before, begun = len(ear.gaps), time.perf_counter()
        self.loop.add("long", self._prompt(LONG), 1, GREEDY)
        assert ear.read.wait(SECONDS)
        self.waited.append(time.perf_counter() - begun)
        self.alone += ear.gaps[:before]
        self.beside += ear.gaps[before:]
        for number in range(DECODING):
            self.loop.cancel(str(number))

    def _prompt(self, tokens: int) -> list[int]:
        made: list[int] = torch.randint(1, random_llama.VOCABULARY, (tokens,), generator=self._draw).tolist()
        return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=random_llama.SIZES, default="20M")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument(
        "--chunk", type=int, help="tokens between two steps, instead of as many as cost a step"
    )
    asked = parser.parse_args()
    threads = device.use_threads()
    with tempfile.TemporaryDirectory(prefix="mainspring-") as folder:
        random_llama.make(asked.size, Path(folder))
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=device.dtype())
    rounds = Rounds(model, asked.chunk)
    rounds.loop.start()
    for _ in range(asked.rounds):
        rounds.one()
    rounds.loop.stop(SECONDS)
    print(describe())
    print(
        f"{asked.size}, {device.dtype()}, {threads} threads, {DECODING} decode, {LONG} tokens are read beside"
    )
    alone, beside = _tell("alone", rounds.alone), _tell("beside", rounds.beside)
    print(
        f"  p99 beside / alone {beside / alone:.2f}; first token after {statistics.median(rounds.waited):.1f} s"
    )


def _tell(what: str, gaps: list[float]) -> float:
    """Gives the p99."""
    cuts = statistics.quantiles(gaps, n=100)
    print(f"  {what:8} {len(gaps):6} gaps: p50 {cuts[49] * 1000:6.1f} ms, p99 {cuts[98] * 1000:6.1f} ms")
    return cuts[98]


if __name__ == "__main__":
    main()
