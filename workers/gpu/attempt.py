"""One attempt of a piece of work: it tells how far it is, hears what is wished of it, and its row says how it ended.

The work belongs to this life's attempt; all that is written of it repeats the fence.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from mainspring import work
from mainspring.errors import MainspringError
from mainspring.logs import log
from mainspring.settings import Settings
from mainspring.tables import Database, WorkState
from mainspring.training.errors import RunCancelled, RunInterrupted, RunLost, TrainingFailed
from mainspring.work import Fence, Said
from workers.persist import persist


@dataclass(frozen=True)
class Bench:
    """What an attempt works with. `stopping`: whether the worker is, or has lost its life."""

    settings: Settings
    database: Database
    stopping: Callable[[], bool]


class Attempt(ABC):
    """Of what `fence` holds. `remedy`: what to do when it ends with something unforeseen."""

    remedy = "See the train worker's log."

    def __init__(self, bench: Bench, fence: Fence) -> None:
        self.settings, self.database, self.fence = bench.settings, bench.database, fence
        self._stopping, self._paused = bench.stopping, False

    @abstractmethod
    def make(self) -> str:
        """All of it, its row's end in the same transaction as what it made. What was made, for the log."""

    @abstractmethod
    def clear(self) -> None:
        """It has ended: what only it needed goes."""

    def carry_out(self) -> bool:
        """Whether it has succeeded. However it ends, its row says so."""
        kind = self.fence.kind.__tablename__
        log.info("work.started", kind=kind, id=str(self.fence.id), attempt=self.fence.attempt)
        with _Ending(self) as ending:
            made = self.make()
            ending.succeeded = True
            log.info("work.succeeded", kind=kind, id=str(self.fence.id), made=made)
            self.clear()
        return ending.succeeded

    def stopping(self) -> bool:
        """Whether to keep what there is, and stop: the worker does, or somebody has paused it."""
        return self._paused or self._stopping()

    def tell(self, fraction: float, activity: str, measures: dict[str, Any]) -> None:
        """Raises RunLost, RunCancelled. A database that is away costs a line of progress, not the work."""
        try:
            with self.database.transaction() as session:
                said = work.progress(session, self.fence, fraction, activity, measures)
        except DBAPIError as error:
            log.warning("work.untold", error=type(error).__name__)
            return
        if said is Said.LOST:
            raise RunLost("it belongs to another attempt")
        if said is Said.CANCEL:
            raise RunCancelled("somebody cancelled it")
        self._paused = said is Said.PAUSE

    def finished(self, session: Session, **values: Any) -> None:
        """In the transaction of what was made. Raises RunLost, which takes that back."""
        if not self.fence.end(session, WorkState.SUCCEEDED, "done", progress=1.0, **values):
            raise RunLost("it belongs to another attempt")

    def fail(self, error: MainspringError) -> None:
        log.warning("work.failed", id=str(self.fence.id), code=error.code)
        if self._insist(lambda session: work.fail(session, self.fence, error.as_json())):
            self.clear()

    def cancel(self) -> None:
        log.info("work.cancelled", id=str(self.fence.id))
        if self._insist(lambda session: self.fence.end(session, WorkState.CANCELLED, "cancelled")):
            self.clear()

    def hand_back(self) -> None:
        """In its old place in the queue, or paused there; the next attempt goes on from the last checkpoint."""
        log.info("work.handed_back", id=str(self.fence.id), paused=self._paused)
        state, activity = WorkState.QUEUED, "queued again: its worker stopped"
        if self._paused:
            state, activity = WorkState.PAUSED, "paused"
        self._insist(lambda session: self.fence.end(session, state, activity))

    def _insist(self, write: Callable[[Session], bool]) -> bool:
        def once() -> bool:
            with self.database.transaction() as session:
                return write(session)

        return persist(once, self.settings.lease_seconds)


class _Ending:
    """However an attempt ends, its row says so: failed with the reason, queued again, or another's by now."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt, self.succeeded = attempt, False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Swallows what the row now says; anything unforeseen goes on to the base task after the row has it."""
        if error is None or isinstance(error, RunLost):
            return True
        if isinstance(error, RunCancelled):
            self._attempt.cancel()
            return True
        if isinstance(error, (RunInterrupted, OperationalError, InterfaceError)) or not isinstance(
            error, Exception
        ):
            self._attempt.hand_back()
            return isinstance(error, RunInterrupted)
        if isinstance(error, MainspringError):
            self._attempt.fail(error)
            return True
        failed = TrainingFailed(f"it ended with {type(error).__name__}", remedy=self._attempt.remedy)
        self._attempt.fail(failed)
        return False
