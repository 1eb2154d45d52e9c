"""What goes wrong while something is carried out."""

from collections.abc import Mapping
from typing import Any

from mainspring.errors.root import MainspringError


class ModelRefused(MainspringError):
    """The model cannot be registered; the detail says why."""

    code = "model_refused"
    title = "The model was refused"


class LoadingFailed(ModelRefused):
    """The model cannot be loaded at the moment: its files cannot be read, or memory ran out. It is tried again."""

    code = "loading_failed"
    title = "The model cannot be loaded at the moment"
    retryable = True


class DatasetRefused(MainspringError):
    """What was gathered is no dataset to learn from; the detail says why. `counts`: what was found and what became of it."""

    code = "dataset_refused"
    title = "The dataset was refused"

    def __init__(
        self,
        detail: str,
        *,
        field: str | None = None,
        remedy: str | None = None,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(detail, field=field, remedy=remedy)
        self.counts = dict(counts or {})

    def as_json(self) -> dict[str, Any]:
        return super().as_json() | ({"counts": self.counts} if self.counts else {})


class EngineFailed(MainspringError):
    """The engine died or hung while it held the request; another attempt is made."""

    code = "engine_failed"
    title = "The engine failed while it held the request"
    retryable = True


class EngineStopping(EngineFailed):
    """The engine is being stopped and takes nothing new; the job goes back to its queue."""

    code = "engine_stopping"
    title = "The engine is stopping"


class DeadlinePassed(MainspringError):
    """The job's own deadline came before its answer."""

    code = "deadline_passed"
    title = "The deadline has passed"


class NotFinite(MainspringError):
    """The model computed infinity or nothing at all (NaN), which is no answer."""

    code = "not_finite"
    title = "The model answered with numbers that are not finite"


class AttemptsExhausted(MainspringError):
    """The workers that held this job died under it, each time."""

    code = "attempts_exhausted"
    title = "The job's worker died under it too often"


class Cancelled(MainspringError):
    """The request was cancelled."""

    code = "cancelled"
    title = "The job was cancelled"


class TextLocked(MainspringError):
    """A text was kept, and cannot be opened with the keys that are here."""

    code = "text_locked"
    title = "The kept text cannot be opened"


class StackError(MainspringError):
    """The embedded stack cannot start or go on; the remedy says what to do."""

    code = "stack"
    title = "The embedded stack has a problem"


class Unreachable(MainspringError):
    """No api answers at the address that a command was given."""

    code = "unreachable"
    title = "The api does not answer"
    retryable = True


class MirrorAway(MainspringError):
    """MLflow does not answer; what it misses is written when it is back."""

    code = "mirror_away"
    title = "MLflow does not answer"
    retryable = True


class MirrorRefused(MainspringError):
    """MLflow answers, and will not take what it was sent. `lacks`: there is no such thing there."""

    code = "mirror_refused"
    title = "MLflow does not take what it was sent"

    def __init__(self, detail: str, *, remedy: str | None = None, lacks: bool = False) -> None:
        super().__init__(detail, remedy=remedy)
        self.lacks = lacks
