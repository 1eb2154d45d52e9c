"""The requests that an engine holds. Whoever takes an entry out settles it, so each is settled exactly once."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, RLock
from time import monotonic
from typing import Generic, TypeVar

from mainspring.errors import EngineFailed, EngineStopping, InvalidRequest, MainspringError
from mainspring.serving.engine import EngineAnswer, EngineRequest, Health, OnText


@dataclass
class Entry:
    request: EngineRequest
    on_text: OnText | None
    future: Future[EngineAnswer]
    submitted: float = field(default_factory=monotonic)

    def answer(self, answer: EngineAnswer) -> None:
        self.future.set_result(answer)

    def fail(self, error: MainspringError) -> None:
        self.future.set_exception(error)

    def age(self) -> float:
        return monotonic() - self.submitted


@dataclass
class Writing(Entry):
    """Of an engine that writes token by token."""

    first_token_seconds: float | None = None
    gaps: list[float] = field(default_factory=list)  # seconds from each token to the next
    _heard: float = 0.0

    def hear(self, tokens: int) -> None:
        """So many came at once, one at least."""
        now = monotonic()
        if self.first_token_seconds is None:
            self.first_token_seconds, self._heard = now - self.submitted, now
            tokens -= 1
        if tokens:
            self.gaps += [(now - self._heard) / tokens] * tokens
            self._heard = now


def running_future() -> Future[EngineAnswer]:
    """Only the engine ends it: `Future.cancel` has no effect, the engine's own `cancel` has."""
    future: Future[EngineAnswer] = Future()
    future.set_running_or_notify_cancel()
    return future


def stop_reason(*, hung: bool, died: bool) -> EngineFailed:
    """Why a stopping engine gives back what it holds. A hang or a death counts against the request, a stop does not."""
    if hung:
        return EngineFailed("the engine hung while it held the request")
    if died:
        return EngineFailed("the engine died while it held the request")
    return EngineStopping("the engine is being stopped")


E = TypeVar("E", bound=Entry)


class Ledger(Generic[E]):
    """Thread-safe. `closed` says why nothing new is taken, if so."""

    def __init__(self) -> None:
        self._entries: dict[str, E] = {}
        self._changed = Condition(RLock())
        self._closed: EngineFailed | None = None
        self._progress = monotonic()

    def admit(self, entry: E) -> None:
        """Raises EngineStopping or EngineFailed when closed, InvalidRequest when the id is held already."""
        with self._changed:
            if self._closed is not None:
                raise type(self._closed)(self._closed.detail)
            if entry.request.id in self._entries:
                raise InvalidRequest(
                    "a request with this id is being answered", field="id", remedy="Use a new id."
                )
            if not self._entries:
                self._progress = monotonic()
            self._entries[entry.request.id] = entry

    def holds(self, entry: E) -> bool:
        return self.find(entry.request.id) is entry

    def find(self, request_id: str) -> E | None:
        with self._changed:
            return self._entries.get(request_id)

    def take(self, request_id: str) -> E | None:
        """The entry, now the caller's to settle; None if someone else has it."""
        with self._changed:
            entry = self._entries.pop(request_id, None)
            if not self._entries:
                self._changed.notify_all()
            return entry

    def claim(self, entry: E) -> bool:
        """Take just this entry. False: someone else has settled it."""
        with self._changed:
            return self._entries.get(entry.request.id) is entry and self.take(entry.request.id) is entry

    def drain(self, seconds: float) -> None:
        """Take nothing new, and wait so long for what is held."""
        with self._changed:
            self._closed = self._closed or EngineStopping("the engine is being stopped")
            self._changed.wait_for(lambda: not self._entries, timeout=seconds)

    def fail_all(self, reason: EngineFailed) -> None:
        """Take nothing new, and settle whatever is held. The first reason stays for those that come later."""
        with self._changed:
            self._closed = self._closed or reason
            entries = list(self._entries.values())
            self._entries.clear()
            self._changed.notify_all()
        for entry in entries:
            entry.fail(type(reason)(reason.detail))

    def progressed(self) -> None:
        self._progress = monotonic()

    def health(self, *, alive: bool, cache_used: float | None = None) -> Health:
        with self._changed:
            pending = len(self._entries)
        return Health(alive, pending, monotonic() - self._progress if pending else 0.0, cache_used)
