"""A deployment's versions change under a steady load: nobody sees an error, and no answer mixes two of them."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest

from tests.faults.marked import marked
from tests.faults.stack import Stack

NAME, AT_ONCE = "marked", 20
MARKS = {"marked@1": "A", "marked@2": "B"}
POLICY = {
    "rollout": {"steps": [0.1, 0.5], "dwell_seconds": 1, "samples": 20},
    "drain": {"idle_seconds": 0, "keep_seconds": 60},
}
UNKEPT = {"idle_seconds": 0, "keep_seconds": 0}


@dataclass
class Load:
    """Producers that each hand in a job, wait for its answer, and begin again."""

    stack: Stack
    over: Event = field(default_factory=Event)
    answers: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def produce(self, number: int) -> None:
        with self.stack.client() as client:
            while not self.over.is_set():
                job = client.submit(NAME, f"producer {number}", max_tokens=6)
                answer = client.result(job["id"], 60)
                with self._lock:
                    self.answers.append((time.monotonic(), answer))

    def versions(self, since: float = 0.0) -> set[str]:
        with self._lock:
            return {answer["version"] for at, answer in self.answers if at > since}


def command(stack: Stack, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "mainspring", *words, "--json"],
        env=stack.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def until(met: Callable[[], bool], seconds: float = 60.0, told: Callable[[], Any] = str) -> None:
    """`told`: what is to be seen of it, for whoever reads that it has not happened."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, f"it did not happen in time {told()}"
        time.sleep(0.05)


@pytest.mark.timeout(240)
def test_versions_change_under_load(stack: Stack, tmp_path: Path) -> None:
    stack.deploy(NAME, marked(tmp_path / "a", "A"), "text-generation")
    load = Load(stack)
    with stack.client() as client, ThreadPoolExecutor(AT_ONCE) as pool:
        policy = {"task": "text-generation", "policy": POLICY}
        client.request("PUT", f"/v1/deployments/{NAME}", json=policy)
        producers = [pool.submit(load.produce, number) for number in range(AT_ONCE)]
        try:
            until(lambda: len(load.answers) > 40)
            deployed = command(
                stack,
                "deploy",
                NAME,
                "--model",
                str(marked(tmp_path / "b", "B")),
                "--task",
                "text-generation",
            )
            assert deployed["stage"] in ("staging", "canary", "production")
            until(lambda: _production(client) == "marked@2", told=lambda: _rollouts(client))
            rolled = time.monotonic()
            back = client.request("POST", f"/v1/deployments/{NAME}/rollback", json={"reason": "a test"})
            assert back["version"] == "marked@1"
            until(lambda: load.versions(time.monotonic() - 0.5) == {"marked@1"})
            back_seconds = time.monotonic() - 0.5 - rolled
            time.sleep(1)
            assert (
                command(stack, "rollout", "marked@2")["rollout"] is None
            )  # it has been in production: at once
            until(lambda: load.versions(time.monotonic() - 0.5) == {"marked@2"})
            client.request("PUT", f"/v1/deployments/{NAME}", json=policy | {"policy": {"drain": UNKEPT}})
            until(lambda: _stage(client, "marked@1") == "retired")
        finally:
            load.over.set()
            ended = [producer.result(60) for producer in producers]
        assert len(ended) == AT_ONCE
        checked = client.request("GET", "/v1/audit/verify")
    answers = [answer for _, answer in load.answers]
    assert {answer["state"] for answer in answers} == {"succeeded"}
    assert all(set(answer["output"]["text"]) == {MARKS[answer["version"]]} for answer in answers)
    assert {answer["version"] for answer in answers} == set(MARKS)
    times = sorted(at for at, _ in load.answers)
    pause = max(later - sooner for sooner, later in itertools.pairwise(times))
    print(f"{len(answers)} answers, longest pause {pause:.2f} s, back after {back_seconds:.2f} s")
    assert pause < 1.0
    assert back_seconds < 5.0
    assert checked["whole"]


def _production(client: Any) -> str | None:
    found: str | None = client.request("GET", f"/v1/deployments/{NAME}")["production"]
    return found


def _rollouts(client: Any) -> Any:
    return client.request("GET", f"/v1/deployments/{NAME}/rollouts")


def _stage(client: Any, version: str) -> str:
    found = client.request("GET", f"/v1/deployments/{NAME}")["versions"]
    return next(str(one["stage"]) for one in found if one["version"] == version)
