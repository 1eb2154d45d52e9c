"""A training run that is killed ends as one that is not, and so does one in two processes: the same held-out loss.

A starter model from nothing, of real docstrings, by the recipe. Of each seed: once whole, once killed (SIGKILL) at random
moments and resumed, once in two processes of `accelerate launch` whose batches together are the same. What a kill cost: the
work behind the last complete checkpoint; they are written every tenth of the steps, and by the clock.

    python -m benchmarks.resuming [--seeds 5] [--steps 60] [--kills 2]
"""

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import describe
from mainspring.training.recipes import CONTINUED_PRETRAINING
from workers.gpu.recipes.checkpoints import complete
from workers.gpu.recipes.launching import LAUNCHED, LOOK_SECONDS, Job, Wish, result, write_wish
from workers.gpu.recipes.workshop import Workshop

CORPUS = {"docstrings": ["asyncio", "json"]}
BIN = Path(sys.executable).parent
ALONE = [sys.executable]
TWO = [
    *(str(BIN / "accelerate"), "launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"),
    *("--mixed_precision", "no", "--dynamo_backend", "no"),
]


NEVER = (2.0, 0.0)


class Ended(NamedTuple):
    """`lost`: seconds of work that a kill cost; None: it was not killed."""

    seconds: float
    lost: float | None


def attempt(
    folder: Path, number: int, seed: int, steps: int, *, command: list[str], kill: tuple[float, float] = NEVER
) -> Ended:
    """One attempt in processes of their own; killed so far in the whole run, and so many seconds later."""
    size = {"steps": steps, "batch_size": 8, "block_length": 64, "checkpoint_steps": max(1, steps // 10)}
    parameters = {"corpus": CORPUS, "seed": seed} | size
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "told.jsonl").unlink(missing_ok=True)
    workshop = Workshop(folder, number, lambda *_: None, lambda: False, folder)
    Job(CONTINUED_PRETRAINING, parameters, "text-generation", number, str(folder)).write(folder)
    write_wish(workshop, Wish.GO_ON)
    began = time.time()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "-m", LAUNCHED, str(folder)],
            stdout=log,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": "1"} if command is TWO else None,
            start_new_session=True,
        )
        while process.poll() is None:
            if _far(folder) >= kill[0]:
                time.sleep(kill[1])
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return Ended(time.time() - began, time.time() - _kept(folder, began))
            write_wish(workshop, Wish.GO_ON)
            time.sleep(LOOK_SECONDS / 3)
    return Ended(time.time() - began, None)


def _far(folder: Path) -> float:
    """How far it says it is, from 0 to 1."""
    place = folder / "told.jsonl"
    lines = place.read_text().rpartition("\n")[0].splitlines() if place.exists() else []
    return float(json.loads(lines[-1])[0]) if lines else 0.0


def _kept(folder: Path, began: float) -> float:
    """When the state was taken that the next attempt begins with: before it was written, that is."""
    found = complete(folder)
    if not found:
        return began
    first = min(path.stat().st_mtime for path in found[-1].place.iterdir())
    return max(first, began)


def loss(folder: Path) -> float:
    return float(result(folder, None).measures["loss"])


def whole(folder: Path, seed: int, steps: int, command: list[str]) -> tuple[float, float]:
    """Its held-out loss, and how long it took."""
    ended = attempt(folder, 1, seed, steps, command=command)
    return loss(folder), ended.seconds


def killed(folder: Path, seed: int, steps: int, kills: int) -> tuple[float, list[float], list[int]]:
    """Its held-out loss, what each kill cost, and from which step it went on."""
    drawn, costs, steps_kept = random.Random(seed), list[float](), list[int]()
    for number, far in enumerate(sorted(drawn.uniform(0.0, 0.94) for _ in range(kills)), 1):
        moment = (far, drawn.uniform(0, 2))
        ended = attempt(folder, number, seed, steps, command=ALONE, kill=moment)
        if ended.lost is None:
            break
        costs.append(ended.lost)
        steps_kept.append(complete(folder)[-1].step if complete(folder) else 0)
    if not (folder / "ended.json").exists():
        attempt(folder, kills + 1, seed, steps, command=ALONE)
    return loss(folder), costs, steps_kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--kills", type=int, default=2)
    asked = parser.parse_args()
    print(describe())
    print("seed  whole   killed  (lost s; from step)              two processes")
    rows = []
    root = Path(tempfile.mkdtemp(prefix="resuming-"))
    try:
        for seed in range(asked.seeds):
            at = root / str(seed)
            one, seconds = whole(at / "whole", seed, asked.steps, ALONE)
            resumed, costs, kept = killed(at / "killed", seed, asked.steps, asked.kills)
            two, _ = whole(at / "two", seed, asked.steps, TWO)
            rows.append((one, resumed, two))
            lost = ", ".join(f"{cost:.0f}; {step}" for cost, step in zip(costs, kept, strict=True))
            print(f"{seed:4}  {one:.5f} {resumed:.5f} ({lost})  {two:.5f}   [{seconds:.0f} s]", flush=True)
        print(f"greatest difference, killed: {max(abs(a - b) for a, b, _ in rows):.6f}")
        print(f"greatest difference, two processes: {max(abs(a - c) for a, _, c in rows):.6f}")
        if len(rows) > 1:
            print(
                f"standard deviation over the seeds: {statistics.stdev([one for one, _, _ in rows]):.6f} nats"
            )
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
