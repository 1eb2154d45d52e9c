"""The engines alone, each fed in process with the same prompts: tokens a second, and beside vLLM's.

Each contestant has a process of its own, stays loaded, and is asked in turn, so that a slow minute of the machine
hits all alike. The first rounds are not counted: there, things are compiled.

    python -m benchmarks.engines [--size 20M] [--in-flight 32] [--rounds 3]
"""

import argparse
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import random_llama
from benchmarks.contestants.process import VLLM, Contestant
from benchmarks.machine import describe
from benchmarks.prompts import NEW_TOKENS, prompts
from workers.gpu import device

WARM_UP = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=random_llama.SIZES, default="20M")
    parser.add_argument("--in-flight", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=128)
    parser.add_argument("--only", nargs="*", default=["slots", "stock", "vllm_in_process", "limit"])
    asked = parser.parse_args()
    print(describe())
    with tempfile.TemporaryDirectory(prefix="mainspring-") as folder:
        random_llama.make(asked.size, Path(folder))
        measure(Path(folder), asked)


def measure(folder: Path, asked: argparse.Namespace) -> None:
    dtype = str(device.dtype()).removeprefix("torch.")
    texts = prompts(asked.prompts)
    print(
        f"{asked.size}, {dtype}, {len(texts)} prompts, {NEW_TOKENS} new tokens, {asked.in_flight} in flight"
    )
    with ExitStack() as stack:
        running = []
        for name in asked.only:
            python = {"python": VLLM} if name.startswith("vllm") else {}
            contestant = stack.enter_context(Contestant(name, folder, asked.in_flight, dtype, **python))
            print(f"  {name}: {contestant.settings}", flush=True)
            for _ in range(WARM_UP):
                contestant.run(texts)
            running.append(contestant)
        for _ in range(asked.rounds):
            for contestant in running:
                contestant.rounds.append(contestant.run(texts))
    speeds = {one.name: statistics.median(r["tokens"] / r["seconds"] for r in one.rounds) for one in running}
    peer = speeds.get("vllm_in_process")
    for name, speed in speeds.items():
        ratio = f"{speed / peer:6.2f} of vLLM" if peer else ""
        print(f"  {name:16} {speed:8.0f} tokens/s {ratio}")


if __name__ == "__main__":
    main()
