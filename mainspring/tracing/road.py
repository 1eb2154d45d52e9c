"""What is told of a job's road where it happens. Whoever tells it does not know whether anybody listens."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from mainspring.serving.claim import Claimed
from mainspring.serving.due import Due
from mainspring.serving.engine import EngineAnswer
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.sweep import Lost
from mainspring.serving.webhooks import Tried
from mainspring.tracecontext import TraceContext


class Stretch(Protocol):
    """From its beginning to its end, which an exception makes a failed one."""

    @property
    def context(self) -> TraceContext | None:
        """For whoever goes on elsewhere; None: nobody shall."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Accepting(Stretch, Protocol):
    def given(self, one: Submission) -> Submission:
        """The same, carrying the context."""
        ...

    def stored(self, receipt: Receipt) -> None: ...


class Asking(Stretch, Protocol):
    def answered(self, answer: EngineAnswer) -> None: ...


class Attempt(Stretch, Protocol):
    def asking(self, task: str, engine: str) -> Asking:
        """While the engine works on it."""
        ...

    def finishing(self) -> Stretch:
        """While the row's end is written."""
        ...

    def ended(self, state: str, code: str | None = None) -> None:
        """`code`: of the error with which it did not succeed."""
        ...


class Delivering(Stretch, Protocol):
    def tried(self, tried: Tried) -> None: ...


class Road(Protocol):
    """Thread-safe. Nothing of it waits, and nothing of it raises."""

    @property
    def server(self) -> Any:
        """The tracer provider for the spans of requests; None: there are none."""
        ...

    def accepting(self, headers: Mapping[str, str], *, many: int = 1) -> Accepting:
        """`headers` of the request, with its trace context if it has one. `many`: jobs that are stored together."""
        ...

    def answering(self, job: Claimed, deployment: str, version: str) -> Attempt: ...

    def died(self, lost: Lost) -> None:
        """An attempt whose worker can say nothing of it any more."""
        ...

    def delivering(self, one: Due) -> Delivering: ...

    @property
    def lost(self) -> int:
        """How many spans nobody was there to take."""
        ...

    def close(self) -> None:
        """After what waits was sent, or a few seconds."""
        ...
