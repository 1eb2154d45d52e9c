"""What is made of the texts of ended jobs: their language, vectors by words of every one, by the frozen encoder of a sample."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import numpy as np

from mainspring.observe import texts
from mainspring.observe.languages import language
from mainspring.observe.sampling import SHARE, Budget, drawn
from mainspring.observe.vectors import Vectors, packed
from mainspring.terms import JobState, Task

COLUMNS = (
    "tenant_id",
    "session_id",
    "begins",
    "again",
    "unread",
    "language",
    "sampled",
    "words_prompt",
    "words_answer",
    "encoded_prompt",
    "encoded_answer",
)


class Encoded(NamedTuple):
    """[texts, dimensions], NaN where a text could not be read; and the processor time that they took."""

    vectors: Vectors
    seconds: float


class Words(Protocol):
    """observe/words.py."""

    def embed(self, texts: Sequence[str]) -> Vectors: ...


class Encoder(Protocol):
    """The frozen encoder, wherever it runs."""

    def encode(self, texts: Sequence[str]) -> Encoded | None:
        """None: there is none now."""
        ...

    def close(self) -> None: ...


@dataclass
class Seen:
    """An ended job: the upper half is what its row says, the lower what was made of it."""

    job_id: UUID
    at: datetime
    state: str
    input: Any
    output: Any
    deployment: str
    tenant_id: UUID
    session_id: UUID | None
    task: str
    policy: dict[str, Any]
    begins: bool | None = None
    again: bool | None = None
    unread: bool | None = None

    language: str | None = None
    sampled: float | None = None
    words_prompt: bytes | None = None
    words_answer: bytes | None = None
    encoded_prompt: bytes | None = None
    encoded_answer: bytes | None = None

    @property
    def asked(self) -> str:
        return texts.asked(self.input)

    @property
    def answered(self) -> str | None:
        """None: there is none, or it is no text."""
        return texts.answered(Task(self.task), self.output) if self.state == JobState.SUCCEEDED else None


class Eyes:
    """Whichever there is of the two. `clock`: seconds that only grow."""

    def __init__(
        self, words: Words | None, encoder: Encoder | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.words, self.encoder, self._clock = words, encoder, clock
        self._budgets: dict[str, Budget] = {}

    def look(self, jobs: list[Seen]) -> list[Seen]:
        """The same, with the lower half filled in."""
        for job in jobs:
            job.language = language(job.asked)
        self._by_words(jobs)
        for name in sorted({job.deployment for job in jobs}):
            of_it = [job for job in jobs if job.deployment == name]
            if of_it[0].task == Task.FEATURE_EXTRACTION:
                _own_vectors(of_it)
            else:
                self._by_encoder(name, of_it)
        return jobs

    def close(self) -> None:
        if self.encoder is not None:
            self.encoder.close()

    def _by_words(self, jobs: list[Seen]) -> None:
        if self.words is None:
            return
        for job, vector in zip(jobs, packed(self.words.embed([job.asked for job in jobs])), strict=True):
            job.words_prompt = vector
        said = [job for job in jobs if job.answered]
        for job, vector in zip(
            said, packed(self.words.embed([str(job.answered) for job in said])), strict=True
        ):
            job.words_answer = vector

    def _by_encoder(self, deployment: str, jobs: list[Seen]) -> None:
        if self.encoder is None:
            return
        now = self._clock()
        budget = self._budgets.setdefault(deployment, Budget(now))
        share = jobs[0].policy.get("drift", {}).get("encoder_share", SHARE)
        rate = budget.rate(share, sum(1 + bool(job.answered) for job in jobs), now)
        sample = [job for job in jobs if drawn(job.job_id, rate)]
        if not sample:
            return
        said = [job for job in sample if job.answered]
        found = self.encoder.encode([*(job.asked for job in sample), *(str(job.answered) for job in said)])
        if found is None:
            return
        budget.spent(found.seconds, len(found.vectors))
        rows = list(_readable(found.vectors))
        for job, vector in zip(sample, rows, strict=False):
            job.encoded_prompt, job.sampled = vector, rate
        for job, vector in zip(said, rows[len(sample) :], strict=True):
            job.encoded_answer = vector


def _own_vectors(jobs: Iterable[Seen]) -> None:
    """An encoder's own answer is the vector of its prompt, and cost nothing more."""
    for job in jobs:
        if job.state == JobState.SUCCEEDED and job.output:
            first = job.output[0] if isinstance(job.output[0], list) else job.output
            job.encoded_prompt, job.sampled = packed(np.array([first], np.float32))[0], 1.0


def _readable(vectors: Vectors) -> Iterable[bytes | None]:
    for row, vector in zip(vectors, packed(vectors), strict=True):
        yield vector if np.isfinite(row).all() else None
