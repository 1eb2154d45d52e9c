"""How long after a rollback the version that was taken back still answers, and how long producers wait meanwhile.

Twenty producers, each with one request in flight, talk to two versions that can be told apart by what they say. Again
and again the newer one takes over and is rolled back. Counted from the rollback's request: the last answer of the newer
version that a producer got.

    python -m benchmarks.rollback [--rounds 100] [--producers 20]
"""

import argparse
import itertools
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from benchmarks.machine import describe
from mainspring.client import Client
from tests.faults.marked import marked
from tests.faults.stack import Stack

NAME = "marked"
POLICY = {"drain": {"idle_seconds": 0, "keep_seconds": 86400}}  # both stay loaded
SETTLED, WATCHED = 0.5, 1.5  # seconds of one version's answers alone; and after a rollback


class Producers:
    """Each answer as a producer got it: when, of which version, and whether it was whole and of that version's voice."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self.over = stack, Event()
        self.answers: list[tuple[float, str, bool]] = []

    def produce(self, number: int) -> None:
        with self._stack.client() as client:
            while not self.over.is_set():
                job = client.result(client.submit(NAME, f"producer {number}", max_tokens=6)["id"], 60)
                whole = job["state"] == "succeeded" and set(job["output"]["text"]) == {_mark(job["version"])}
                self.answers.append((time.monotonic(), job["version"], whole))

    def last(self, version: str) -> float:
        return max((at for at, answered, _ in list(self.answers) if answered == version), default=0.0)

    def until_only(self, version: str) -> None:
        end = time.monotonic() + 60
        while {of for at, of, _ in list(self.answers) if at > time.monotonic() - SETTLED} != {version}:
            if time.monotonic() > end:
                raise TimeoutError(f"{version} did not come to answer alone")
            time.sleep(0.05)


def _mark(version: str) -> str:
    return "A" if version.endswith("@1") else "B"


def one_round(client: Client, producers: Producers) -> float:
    """Seconds from the rollback's request to the newer version's last answer."""
    client.request("POST", f"/v1/deployments/{NAME}/rollouts", json={"version": f"{NAME}@2"})
    producers.until_only(f"{NAME}@2")
    asked = time.monotonic()
    client.request("POST", f"/v1/deployments/{NAME}/rollback", json={"reason": "a measurement"})
    time.sleep(WATCHED)
    producers.until_only(f"{NAME}@1")
    return max(0.0, producers.last(f"{NAME}@2") - asked)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--producers", type=int, default=20)
    asked = parser.parse_args()
    print(f"machine: {describe()}")
    with tempfile.TemporaryDirectory(prefix="mainspring-") as folder, Stack(Path(folder) / "home") as stack:
        stack.deploy(NAME, marked(Path(folder) / "a", "A"), "text-generation")
        with stack.client() as client, ThreadPoolExecutor(asked.producers) as pool:
            client.request(
                "PUT", f"/v1/deployments/{NAME}", json={"task": "text-generation", "policy": POLICY}
            )
            stack.deploy(NAME, marked(Path(folder) / "b", "B"), "text-generation")
            client.request("POST", f"/v1/deployments/{NAME}/rollback", json={})
            producers = Producers(stack)
            running = [pool.submit(producers.produce, number) for number in range(asked.producers)]
            try:
                took = sorted(one_round(client, producers) for _ in range(asked.rounds))
            finally:
                producers.over.set()
                for one in running:
                    one.result(60)
    tell(took, producers)


def tell(took: list[float], producers: Producers) -> None:
    times = sorted(at for at, _, _ in producers.answers)
    pause = max(later - sooner for sooner, later in itertools.pairwise(times))
    wrong = sum(not whole for _, _, whole in producers.answers)
    p99 = took[max(0, -(-99 * len(took) // 100) - 1)]
    print(
        f"{len(took)} rollbacks, {len(times):,} answers, {wrong} failed or mixed, longest pause {pause:.2f} s\n"
        f"last answer of the version taken back: median {statistics.median(took):.2f} s after the request, "
        f"p99 {p99:.2f} s, longest {took[-1]:.2f} s"
    )


if __name__ == "__main__":
    main()
