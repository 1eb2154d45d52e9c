"""Clients that each hand in a job, wait for its answer, and begin again; and what they saw."""

import time
from datetime import datetime
from threading import Event
from typing import Any, NamedTuple

from tests.faults.stack import Stack

SETTLED = 0.5  # seconds of one version's answers alone


class Answer(NamedTuple):
    """As a producer got it; `made`: when it was written, on this machine's clock. `whole`: of its version's voice alone.
    `pause`: seconds since its answer before, without those that the engine worked for this one."""

    at: float
    made: float
    producer: int
    version: str
    whole: bool
    pause: float


class Producers:
    """`marks`: the letter that each version says again and again."""

    def __init__(self, stack: Stack, name: str, marks: dict[str, str]) -> None:
        self._stack, self._name, self._marks, self.over = stack, name, marks, Event()
        self.answers: list[Answer] = []

    def produce(self, number: int) -> None:
        with self._stack.client() as client:
            before = time.monotonic()
            while not self.over.is_set():
                receipt = client.submit(self._name, f"producer {number}", max_tokens=6)
                job = client.result(receipt["id"], 60)
                now = time.monotonic()
                made = datetime.fromisoformat(job["finished_at"]).timestamp()
                whole, pause = self._whole(job), now - before - _worked(job)
                self.answers.append(Answer(now, made, number, job["version"], whole, pause))
                before = now

    def last_made(self, version: str) -> float:
        return max((one.made for one in list(self.answers) if one.version == version), default=0.0)

    def longest_pause(self, since: float, until: float) -> float:
        """Of one client, between an answer and its next one."""
        return max((one.pause for one in list(self.answers) if since < one.at <= until), default=0.0)

    def until_only(self, version: str) -> None:
        self._until(
            lambda: {one.version for one in self._since(time.monotonic() - SETTLED)} == {version},
            f"{version} did not come to answer alone",
        )

    def until_each_since(self, moment: float) -> None:
        """Until each has had two answers since then: the first may be of a job that was handed in before."""
        producers = {one.producer for one in list(self.answers)}

        def met() -> bool:
            seen = [one.producer for one in self._since(moment)]
            return all(seen.count(producer) > 1 for producer in producers)

        self._until(met, "a producer waits for ever")

    def _whole(self, job: dict[str, Any]) -> bool:
        return job["state"] == "succeeded" and set(job["output"]["text"]) == {self._marks[job["version"]]}

    def _since(self, moment: float) -> list[Answer]:
        return [one for one in list(self.answers) if one.at > moment]

    @staticmethod
    def _until(met: Any, otherwise: str) -> None:
        end = time.monotonic() + 60
        while not met():
            if time.monotonic() > end:
                raise TimeoutError(otherwise)
            time.sleep(0.05)


def _worked(job: dict[str, Any]) -> float:
    return float((job.get("timings") or {}).get("engine") or 0.0)
