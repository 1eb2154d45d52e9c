"""Producers as applications write them: idempotency keys, retries, long-poll or stream with resume; now and then a
conversation, a deadline, a change of mind."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import httpx

from mainspring.client import Client, Refused

PROMPTS: dict[str, Any] = {
    "assistant": "The for statement is used to iterate over the elements of a sequence",
    "triage": "Return the eigenvalues of a symmetric matrix.",
    "embedder": "A clock that is wound again keeps the time.",
}
SESSIONS = 6
AWAY = (httpx.TransportError,)


@dataclass
class Seen:
    """What one producer saw of one job: every ended view of it, and the text that its stream gave."""

    deployment: str
    job_id: str
    ends: list[dict[str, Any]] = field(default_factory=list)
    streamed: str | None = None
    resumed: int = 0


class Producers:
    def __init__(self, client: Client, jobs: int, at_once: int, seed: int) -> None:
        self._client, self._jobs, self._at_once, self._seed = client, jobs, at_once, seed
        self._lock = Lock()
        self.seen: list[Seen] = []

    @property
    def done(self) -> float:
        """The share of the jobs that have ended."""
        with self._lock:
            return len(self.seen) / self._jobs

    def run(self) -> list[Seen]:
        with ThreadPoolExecutor(self._at_once) as pool:
            for future in [pool.submit(self._one, number) for number in range(self._jobs)]:
                future.result()
        return self.seen

    def _one(self, number: int) -> None:
        draw = random.Random(self._seed * 1_000_003 + number)
        deployment = draw.choice(list(PROMPTS))
        more: dict[str, Any] = {"priority": draw.choice(["high", "normal", "low"])}
        if deployment == "assistant":
            more |= {"max_tokens": draw.randint(4, 48), "temperature": 0.8}
            if draw.random() < 0.3:
                more["session"] = f"talk-{self._seed}-{number % SESSIONS}"
        if draw.random() < 0.05:
            more["deadline_seconds"] = draw.choice([0.05, 1.0, 10.0])
        text = f"{PROMPTS[deployment]} ({number})"
        receipt = self._insist(
            lambda: self._client.submit(
                deployment, text, idempotency_key=f"storm-{self._seed}-{number}", **more
            )
        )
        seen = Seen(deployment, receipt["id"])
        if draw.random() < 0.05:
            self._insist(lambda: self._client.cancel(seen.job_id))
        if deployment == "assistant" and draw.random() < 0.5:
            self._stream(seen)
        for _ in range(2):  # twice: an answer must not change after it was given
            seen.ends.append(self._insist(lambda: self._client.result(seen.job_id, 300)))
        with self._lock:
            self.seen.append(seen)

    def _stream(self, seen: Seen) -> None:
        text, last = "", None
        while True:
            try:
                for event in self._client.stream(seen.job_id, last):
                    last = event["id"]
                    if event["event"] == "state" and event["data"].get("discard"):
                        text = ""
                    if event["event"] == "token":
                        text += event["data"]["text"]
                    if event["event"] == "done":
                        seen.streamed = text
                        return
            except (*AWAY, Refused):
                time.sleep(0.1)
            seen.resumed += 1

    def _insist(self, ask: Any) -> dict[str, Any]:
        """As long as the api is away or says to come back later."""
        until = time.monotonic() + 300
        while True:
            try:
                answer: dict[str, Any] = ask()
            except AWAY:
                time.sleep(0.1)
            except Refused as refused:
                if refused.status not in (429, 503) or time.monotonic() > until:
                    raise
                time.sleep(0.3)
            else:
                return answer
