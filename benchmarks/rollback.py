"""How long after a rollback the version that was taken back still answers, and how long clients wait meanwhile.

Twenty producers, each with one request in flight, talk to two versions that can be told apart by what they say. Again
and again the newer one takes over and is rolled back. Counted from the rollback's request: the last answer of the newer
version that was written, also of jobs that were handed in before.

With --half-down two workers answer, and before every other rollback one of them is killed, or stopped and later
continued: what it held is lost until its lease runs out. Both kinds of rounds are told apart; the longest pause of one
client says what a lost worker costs those whose jobs it held.

    python -m benchmarks.rollback [--rounds 100] [--producers 20] [--half-down {KILL,STOP}]
"""

import argparse
import contextlib
import itertools
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import describe
from benchmarks.producing import Producers
from benchmarks.second_worker import SecondWorker
from mainspring.client import Client
from tests.faults.marked import marked
from tests.faults.stack import Stack

NAME = "marked"
FORMER, NEWER = f"{NAME}@1", f"{NAME}@2"
POLICY = {"drain": {"idle_seconds": 0, "keep_seconds": 86400}}  # both stay loaded
WATCHED = 1.5  # seconds after a rollback


class Round(NamedTuple):
    """`last`: seconds from the rollback's request to the newer version's last answer. `down`: beside a lost worker."""

    began: float
    last: float
    down: bool


def one_round(client: Client, producers: Producers, second: SecondWorker | None) -> Round:
    """With a `second` worker, without it."""
    client.request("POST", f"/v1/deployments/{NAME}/rollouts", json={"version": NEWER})
    producers.until_only(NEWER)
    if second is not None:
        second.lose()
    asked, clock = time.monotonic(), time.time()
    client.request("POST", f"/v1/deployments/{NAME}/rollback", json={"reason": "a measurement"})
    time.sleep(WATCHED)
    producers.until_each_since(asked)
    producers.until_only(FORMER)
    last = max(0.0, producers.last_made(NEWER) - clock)
    if second is not None:
        second.restore()
        second.until_holding(NAME, 2)
    return Round(asked, last, second is not None)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--producers", type=int, default=20)
    parser.add_argument("--half-down", choices=["KILL", "STOP"], help="what befalls the second worker")
    asked = parser.parse_args()
    print(f"machine: {describe()}")
    with contextlib.ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="mainspring-")))
        stack = open_.enter_context(Stack(folder / "home"))
        stack.deploy(NAME, marked(folder / "a", "A"), "text-generation")
        client = open_.enter_context(stack.client())
        client.request("PUT", f"/v1/deployments/{NAME}", json={"task": "text-generation", "policy": POLICY})
        stack.deploy(NAME, marked(folder / "b", "B"), "text-generation")
        client.request("POST", f"/v1/deployments/{NAME}/rollback", json={})
        second = None
        if asked.half_down is not None:
            second = open_.enter_context(SecondWorker(stack, asked.half_down))
            second.until_holding(NAME, 2)
        measure(stack, client, second, asked)


def measure(stack: Stack, client: Client, second: SecondWorker | None, asked: argparse.Namespace) -> None:
    producers = Producers(stack, NAME, {FORMER: "A", NEWER: "B"})
    with ThreadPoolExecutor(asked.producers) as pool:
        running = [pool.submit(producers.produce, number) for number in range(asked.producers)]
        try:
            rounds = [
                one_round(client, producers, second if number % 2 else None) for number in range(asked.rounds)
            ]
        finally:
            producers.over.set()
            for one in running:
                one.result(120)
    tell(rounds, producers)


def tell(rounds: list[Round], producers: Producers) -> None:
    times = sorted(one.at for one in producers.answers)
    silence = max(later - sooner for sooner, later in itertools.pairwise(times))
    wrong = sum(not one.whole for one in producers.answers)
    print(
        f"{len(rounds)} rollbacks, {len(times):,} answers, {wrong} failed or mixed, "
        f"longest time without any answer {silence:.2f} s"
    )
    ends = [*(one.began for one in rounds[1:]), float("inf")]
    for down, name in ((False, "all workers up"), (True, "one of two down")):
        mine = [(one, end) for one, end in zip(rounds, ends, strict=True) if one.down == down]
        if mine:
            took = sorted(one.last for one, _ in mine)
            p99 = took[max(0, -(-99 * len(took) // 100) - 1)]
            pause = max(producers.longest_pause(one.began, end) for one, end in mine)
            print(
                f"{name}: {len(took)} rollbacks, last answer of the version taken back: median "
                f"{statistics.median(took):.2f} s after the request, p99 {p99:.2f} s, longest {took[-1]:.2f} s; "
                f"longest pause of one client {pause:.2f} s beside its job's own work"
            )


if __name__ == "__main__":
    main()
