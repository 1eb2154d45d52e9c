"""Clients that ask all the while: threads, each with one request at a time, and an account of what they were answered."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self

import httpx

from mainspring.client import Client, Refused
from mainspring.curation.sources.jobs import TRAINING_CONSENT

WITHOUT_CONSENT = 4  # every so many requests one comes that nobody may learn from
TOKENS = 8
MOST_FAILURES = 20  # that are told in words
RESULT_SECONDS = 300.0


@dataclass
class Account:
    """`failures`: the first of them, in words. `slowest`: seconds from a request to its answer."""

    answered: int = 0
    failed: int = 0
    slowest: float = 0.0
    versions: Counter[str] = field(default_factory=Counter)
    subjects: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


class Traffic:
    """`with Traffic(…) as traffic:` asks nothing until turned to a subject. `pause`: seconds between an answer and the next
    request of the same client."""

    def __init__(self, open_client: Callable[[], Client], deployment: str, askers: int) -> None:
        self.account = Account()
        self._open, self._deployment = open_client, deployment
        self._changed = threading.Condition()
        self._over, self._left, self._under_way = False, 0.0, 0
        self._subject, self._texts, self._number = "", list[str](), count()
        self._pause = 0.0
        self._threads = [threading.Thread(target=self._ask_all, daemon=True) for _ in range(askers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(RESULT_SECONDS if kind is None else 0.0)

    def turn(
        self, subject: str, texts: Sequence[str], *, most: float = float("inf"), pause: float = 0.0
    ) -> None:
        """From now on they ask this, `most` times."""
        with self._changed:
            self._subject, self._texts, self._left, self._pause = subject, list(texts), most, pause
            self._changed.notify_all()

    def stop(self) -> None:
        """Nothing more; what is under way is answered."""
        with self._changed:
            self._left = 0

    def slow_down(self, pause: float) -> None:
        with self._changed:
            self._pause = pause

    @property
    def resting(self) -> bool:
        """Nothing is left to be asked, and all is answered."""
        with self._changed:
            return self._left <= 0 and self._under_way == 0

    def _ask_all(self) -> None:
        with self._open() as api:
            while (drawn := self._draw()) is not None:
                self._ask(api, *drawn)
                with self._changed:
                    self._changed.wait_for(lambda: self._over, self._pause)

    def _draw(self) -> tuple[int, str, str] | None:
        """The number, the subject and the text of a request; None: it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._left > 0)
            if self._over:
                return None
            self._left -= 1
            self._under_way += 1
            number = next(self._number)
            return number, self._subject, self._texts[number % len(self._texts)]

    def _ask(self, api: Client, number: int, subject: str, text: str) -> None:
        metadata = {TRAINING_CONSENT: "false" if number % WITHOUT_CONSENT == 0 else "true"}
        asked = time.monotonic()
        try:
            receipt = api.submit(self._deployment, text, max_tokens=TOKENS, metadata=metadata)
            job = api.result(receipt["id"], RESULT_SECONDS)
            self._note(subject, job, time.monotonic() - asked)
        except (Refused, TimeoutError, httpx.HTTPError, ValueError) as error:
            self._fail(f"{type(error).__name__}: {error}"[:200])
        finally:
            with self._changed:
                self._under_way -= 1

    def _note(self, subject: str, job: dict[str, Any], seconds: float) -> None:
        if job["state"] != "succeeded":
            self._fail(f"{job['state']}: {(job.get('error') or {}).get('code')}")
            return
        with self._changed:
            self.account.answered += 1
            self.account.versions[job["version"]] += 1
            self.account.subjects[subject] += 1
            self.account.slowest = max(self.account.slowest, seconds)

    def _fail(self, why: str) -> None:
        with self._changed:
            self.account.failed += 1
            if len(self.account.failures) < MOST_FAILURES:
                self.account.failures.append(why)
