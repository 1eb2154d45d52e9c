"""What MLflow can hold, as plain data. `digest` tells whether something of it has changed since it was written."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

ID = "mainspring.id"  # the tag by which a thing is found again
WORDS = ("mlflow.spanInputs", "mlflow.spanOutputs")  # attributes in which MLflow looks for what was said
INSTALLATION = "mainspring.installation"  # the tag that says whose an experiment or a registered model is


class Status(StrEnum):
    """Of a run, in MLflow's words."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True)
class Point:
    """One value of a metric series."""

    metric: str
    value: float
    at: datetime
    step: int = 0


@dataclass(frozen=True)
class Input:
    """A dataset that a run learned from or was measured with. `context`: training or evaluation."""

    name: str
    digest: str
    context: str


@dataclass(frozen=True)
class _Thing:
    """`key` is its identifier in our rows."""

    key: str

    @property
    def digest(self) -> str:
        whole = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(whole.encode()).hexdigest()


@dataclass(frozen=True)
class Run(_Thing):
    """`points` are written with the run; what comes later is logged to it. `settled`: it will not change any more."""

    name: str
    status: Status
    began_at: datetime
    ended_at: datetime | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    inputs: tuple[Input, ...] = ()
    settled: bool = False


@dataclass(frozen=True)
class Version(_Thing):
    """`run_key`: the run that made it, None: none did, or none is known."""

    label: str
    description: str
    run_key: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Model(_Thing):
    """A deployment, with its versions in their order. `aliases`: the key of the version that has each, None: none has."""

    versions: tuple[Version, ...]
    aliases: Mapping[str, str | None]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Span:
    """A part of a job's time. `kind`: in MLflow's words."""

    name: str
    kind: str
    began_at: datetime
    ended_at: datetime
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace(_Thing):
    """A job: its whole time first, and then the parts of it. `trouble`: a code, None: it was answered.

    `worded`: what was said is in it.
    """

    name: str
    spans: tuple[Span, ...]
    trouble: str | None
    tags: Mapping[str, str]
    worded: bool = False

    def without_words(self) -> "Trace":
        root, *parts = self.spans
        attributes = {name: value for name, value in root.attributes.items() if name not in WORDS}
        return replace(self, spans=(replace(root, attributes=attributes), *parts), worded=False)


def texts(**values: object) -> dict[str, str]:
    """Tags and parameters are text. What there is none of is left out."""
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
