"""The contract of api and workers: one frozen dataclass a Celery message. Addressed by name; ids, not objects.

A message is a nudge. Losing one costs seconds (the sweep sends it again); a duplicate finds nothing to do.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

OPS_QUEUE = "ops"
TRAIN_QUEUE = "train"


@dataclass(frozen=True)
class Message(ABC):
    """`name` is the Celery task's name, `queue` the Redis list it is pushed to."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def queue(self) -> str: ...

    def kwargs(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Answer(Message):
    """There is work for this version; `job_id` is whose acceptance caused it (the worker takes the most urgent)."""

    name: ClassVar[str] = "mainspring.answer"
    version_id: str
    job_id: str

    @property
    def queue(self) -> str:
        return version_queue(self.version_id)


@dataclass(frozen=True)
class TryOut(Message):
    """Trials wait for this version: answers that no client sees."""

    name: ClassVar[str] = "mainspring.try_out"
    version_id: str

    @property
    def queue(self) -> str:
        return version_queue(self.version_id)


@dataclass(frozen=True)
class Train(Message):
    """Something waits for the train worker: a training run, a dataset, an evaluation. `run_id`: one of them."""

    name: ClassVar[str] = "mainspring.train"
    run_id: str

    @property
    def queue(self) -> str:
        return TRAIN_QUEUE


@dataclass(frozen=True)
class Sweep(Message):
    """Beat: re-send what lost its message, re-queue what a dead worker held."""

    name: ClassVar[str] = "mainspring.sweep"

    @property
    def queue(self) -> str:
        return OPS_QUEUE


@dataclass(frozen=True)
class Judge(Message):
    """Beat: look at the open rollouts and at the versions that drain."""

    name: ClassVar[str] = "mainspring.judge"

    @property
    def queue(self) -> str:
        return OPS_QUEUE


@dataclass(frozen=True)
class Retain(Message):
    """Beat: delete the files that no version needs any more. The train worker writes the store, so it deletes there."""

    name: ClassVar[str] = "mainspring.retain"

    @property
    def queue(self) -> str:
        return TRAIN_QUEUE


@dataclass(frozen=True)
class Deliver(Message):
    """Beat: send the webhooks that are due."""

    name: ClassVar[str] = "mainspring.deliver"

    @property
    def queue(self) -> str:
        return OPS_QUEUE


@dataclass(frozen=True)
class Observe(Message):
    """Beat: look at the jobs that have ended since."""

    name: ClassVar[str] = "mainspring.observe"

    @property
    def queue(self) -> str:
        return OPS_QUEUE


@dataclass(frozen=True)
class Detect(Message):
    """Beat: give the detectors what was looked at since."""

    name: ClassVar[str] = "mainspring.detect"

    @property
    def queue(self) -> str:
        return OPS_QUEUE


@dataclass(frozen=True)
class Refer(Message):
    """Beat: make the references of prompts that are asked for."""

    name: ClassVar[str] = "mainspring.refer"

    @property
    def queue(self) -> str:
        return OPS_QUEUE


@dataclass(frozen=True)
class Decide(Message):
    """Beat: is a deployment stable, to be watched, or to be trained anew?"""

    name: ClassVar[str] = "mainspring.decide"

    @property
    def queue(self) -> str:
        return OPS_QUEUE


@dataclass(frozen=True)
class Refresh(Message):
    """Beat: take the wishes for better versions, and let each refresh go on that can."""

    name: ClassVar[str] = "mainspring.refresh"

    @property
    def queue(self) -> str:
        return OPS_QUEUE


@dataclass(frozen=True)
class Mirror(Message):
    """Beat: give MLflow what it lacks."""

    name: ClassVar[str] = "mainspring.mirror"

    @property
    def queue(self) -> str:
        return OPS_QUEUE


@dataclass(frozen=True)
class Forget(Message):
    """Beat: let kept texts go whose time is over. Not `retain`, which waits while something is trained."""

    name: ClassVar[str] = "mainspring.forget"

    @property
    def queue(self) -> str:
        return OPS_QUEUE


@dataclass(frozen=True)
class RollUp(Message):
    """Beat: count the hours anew in which something has changed."""

    name: ClassVar[str] = "mainspring.rollup"

    @property
    def queue(self) -> str:
        return OPS_QUEUE


def version_queue(version_id: str) -> str:
    """The Redis list on which a version's nudges wait."""
    return f"version.{version_id}"
