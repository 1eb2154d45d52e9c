"""All that the page shows, as it was seen while the story was told."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Moment:
    """`at`: seconds since the story began; `chapter`: its number."""

    at: float
    chapter: int
    what: str


@dataclass(frozen=True)
class Chapter:
    title: str
    began: float
    ended: float


@dataclass(frozen=True)
class Evidence:
    """What a detector said after so many requests: natural logarithms."""

    requests: int
    value: float
    threshold: float
    detector: str


@dataclass(frozen=True)
class Alarm:
    """`after`: requests about the new subject; `at`: all requests that its detectors had seen by then."""

    after: int
    at: int
    seconds: float
    detector: str
    value: float
    threshold: float
    share: float | None
    terms: tuple[str, ...]


@dataclass(frozen=True)
class Round:
    """One refresh: what it was asked for, what it was made of, what was measured, what was decided, and how it ended.

    `measured`: as an evaluation's results have it; `card`: the dataset's data card; `training`: the run's own measures."""

    name: str
    asked: tuple[str, ...]
    state: str
    reason: str
    version: str | None
    decision: str | None
    reasons: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
    traded: tuple[dict[str, Any], ...] = ()
    measured: tuple[dict[str, Any], ...] = ()
    level: float = 0.95
    rows: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)

    def difference(self, metric: str) -> float | None:
        """Of the challenger to the champion."""
        found = next((one for one in self.measured if one["name"] == metric), None)
        return None if found is None or found["difference"] is None else float(found["difference"]["value"])


@dataclass(frozen=True)
class Answers:
    answered: int
    failed: int
    slowest: float
    versions: dict[str, int]
    subjects: dict[str, int]
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figures:
    """`shift`: after how many requests seen by the detectors the subject changed. `stages`: of each version its stage at
    the end. `audit`: what verifying the log of events gave."""

    machine: str
    began_at: str
    subjects: tuple[str, str]
    chapters: tuple[Chapter, ...]
    moments: tuple[Moment, ...]
    evidence: tuple[Evidence, ...]
    shift: int
    alarm: Alarm
    better: Round
    poisoned: Round
    answers: Answers
    stages: dict[str, str]
    audit: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
