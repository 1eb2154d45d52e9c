"""What it saves not to read again how a prompt begins: conversations over one instruction, each turn after all before it.

The slot engine in process; the same turns once with everybody in one scope, and once with each in a scope of its own,
where nothing is shared. Both ways write the same tokens.

    python -m benchmarks.conversations [--size 20M] [--talks 8] [--turns 5]
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from threading import Condition
from time import perf_counter

import torch
from transformers import AutoModelForCausalLM

from benchmarks import random_llama
from benchmarks.machine import describe
from workers.gpu import device
from workers.gpu.progress import Progress
from workers.gpu.sampling import Sampling
from workers.gpu.slotted.loop import SlotLoop

INSTRUCTION, SAID, ANSWER = 300, 30, 40  # tokens
CONTEXT = 2048


class Heard:
    """When each had its first token, and what it wrote."""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}
        self.answers: dict[str, list[int]] = {}
        self._news = Condition()

    def __call__(self, told: list[Progress]) -> None:
        with self._news:
            for one in told:
                self.first.setdefault(one.key, perf_counter())
                if one.finished:
                    self.answers[one.key] = one.tokens
            self._news.notify_all()

    def wait(self, keys: list[str]) -> None:
        with self._news:
            assert self._news.wait_for(lambda: all(key in self.answers for key in keys), 300)


def talk(folder: Path, talks: int, turns: int, *, shared: bool) -> tuple[list[float], float, list[list[int]]]:
    """Seconds to the first tokens, seconds in all, and what was written."""
    heard = Heard()
    loop = SlotLoop(
        AutoModelForCausalLM.from_pretrained(folder, dtype=device.dtype()).eval().requires_grad_(False),
        tokens=talks * CONTEXT,
        slots=talks,
        end_ids=set(),
        deliver=heard,
        stepped=lambda: None,
        threads=device.use_threads(),
    )
    loop.start()
    draw = torch.Generator().manual_seed(3)

    def said(tokens: int) -> list[int]:
        return torch.randint(1, 8000, (tokens,), generator=draw).tolist()

    instruction = said(INSTRUCTION)
    histories = [instruction[:] for _ in range(talks)]
    waits, begun = [], perf_counter()
    for turn in range(turns):
        keys = [f"{turn} {number}" for number in range(talks)]
        for key, history in zip(keys, histories, strict=True):
            history.extend(said(SAID))
            asked = perf_counter()
            heard.first.pop(key, None)
            loop.add(key, history[:], ANSWER, Sampling(seed=0), "" if shared else key)
            waits.append((key, asked))
        heard.wait(keys)
        for key, history in zip(keys, histories, strict=True):
            history.extend(heard.answers[key])
    seconds = perf_counter() - begun
    loop.stop(10)
    return [heard.first[key] - asked for key, asked in waits], seconds, list(heard.answers.values())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=random_llama.SIZES, default="20M")
    parser.add_argument("--talks", type=int, default=8)
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    print(f"machine: {describe()}, {device.use_threads()} threads, {asked.size}, {device.dtype()}")
    print(
        f"  {asked.talks} conversations of {asked.turns} turns over {INSTRUCTION} tokens that all begin with"
    )
    with tempfile.TemporaryDirectory(prefix="mainspring-") as name:
        random_llama.make(asked.size, Path(name))
        found = {
            shared: talk(Path(name), asked.talks, asked.turns, shared=shared) for shared in (False, True)
        }
    for shared, (waits, seconds, _) in found.items():
        how = "beginnings shared" if shared else "nothing shared"
        print(
            f"  {how:18} first token after {statistics.median(waits):.2f} s (median), all in {seconds:.1f} s"
        )
    plain, shared_ = found[False], found[True]
    print(f"  first token {statistics.median(plain[0]) / statistics.median(shared_[0]):.1f} times sooner,")
    same = sum(one == other for one, other in zip(sorted(plain[2]), sorted(shared_[2]), strict=True))
    print(
        f"  all {plain[1] / shared_[1]:.1f} times sooner; {same} of {len(plain[2])} answers of the same tokens"
    )


if __name__ == "__main__":
    main()
