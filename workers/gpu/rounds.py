"""What the batching engines share: requests as pieces, and threads that take what waits in rounds of batches.

There is no wait for a batch to fill: an idle engine runs what comes at once, and a busy one finds a batch waiting.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Hashable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from time import monotonic
from typing import Generic, TypeVar

from mainspring.errors import Cancelled, EngineFailed, InvalidRequest, MainspringError, NotFinite
from mainspring.logs import log
from mainspring.serving.engine import EngineAnswer, EngineRequest, Health, OnText
from workers.gpu.heads import Piece, Work
from workers.gpu.ledger import Entry, Ledger, running_future, stop_reason

_ROUND_PIECES = 64  # newcomers wait for at most one round of these
_STOP_SECONDS = 2.0

R = TypeVar("R")  # what a pass makes of one piece


@dataclass
class Reading(Entry, Generic[R]):
    """A request with its pieces' results so far; its answer is made when none is missing."""

    work: Work[R] | None = None
    results: dict[int, R] = field(default_factory=dict)


@dataclass(frozen=True)
class Waiting(Generic[R]):
    entry: Reading[R]
    index: int
    piece: Piece


class RoundsEngine(ABC, Generic[R]):
    """`budget`: tokens of a batch, padding included; `runners`: threads that each run a batch at a time, once started."""

    name: str
    capacity: int

    def __init__(self, budget: int, runners: int = 1) -> None:
        self._budget = budget
        self._ledger: Ledger[Reading[R]] = Ledger()
        self._queue: deque[Waiting[R]] = deque()
        self._round: deque[list[Waiting[R]]] = deque()  # batches that no runner has taken yet
        self._running = 0
        self._arrived = Condition()
        self._closed = self._dead = False
        self._runners = [Thread(target=self._run, name=self.name, daemon=True) for _ in range(runners)]

    def start(self) -> None:
        for runner in self._runners:
            runner.start()

    def submit(self, request: EngineRequest, on_text: OnText | None = None) -> Future[EngineAnswer]:
        entry: Reading[R] = Reading(request, on_text, running_future())
        try:
            entry.work = self.prepare(request)
            if not entry.work.pieces:
                raise InvalidRequest(
                    "the text has no tokens", field="input", remedy="Send some visible text."
                )
            self._ledger.admit(entry)
        except MainspringError as error:
            entry.fail(error)
            return entry.future
        with self._arrived:
            self._queue.extend(Waiting(entry, index, piece) for index, piece in enumerate(entry.work.pieces))
            self._arrived.notify_all()
        return entry.future

    def cancel(self, request_id: str) -> None:
        entry = self._ledger.take(request_id)
        if entry is not None:
            entry.fail(Cancelled("the request was cancelled"))

    def stop(self, drain_seconds: float = 0.0) -> None:
        self._ledger.drain(drain_seconds)
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()
        until = monotonic() + _STOP_SECONDS
        for runner in self._runners:
            runner.join(max(0.0, until - monotonic()))
        hung = any(runner.is_alive() for runner in self._runners)
        self._ledger.fail_all(stop_reason(hung=hung, died=self._dead))

    def health(self) -> Health:
        return self._ledger.health(
            alive=all(runner.is_alive() for runner in self._runners) and not self._dead
        )

    @abstractmethod
    def prepare(self, request: EngineRequest) -> Work[R]:
        """Raises InvalidRequest or PromptTooLong. Called from many threads."""

    @abstractmethod
    def kind(self, piece: Piece) -> Hashable:
        """Pieces of one kind may share a batch."""

    @abstractmethod
    def tokens(self, piece: Piece) -> int:
        """What a row as long as this piece counts against the budget."""

    @abstractmethod
    def run(self, batch: list[Waiting[R]]) -> None:
        """Gives each piece's result to `settle`. What it raises is the engine's death."""

    @abstractmethod
    def answer(self, entry: Reading[R], output: object, results: list[R]) -> EngineAnswer: ...

    def wanted(self, entry: Reading[R]) -> bool:
        """False: it was cancelled or has failed, or the engine is closed; work for it is wasted."""
        return not self._closed and self._ledger.holds(entry)

    def progressed(self) -> None:
        self._ledger.progressed()

    def settle(self, one: Waiting[R], result: R) -> None:
        """Keep a piece's result; the last one makes the answer."""
        entry, work = one.entry, one.entry.work
        assert work is not None
        entry.results[one.index] = result
        if len(entry.results) < len(work.pieces):
            return
        results = [entry.results[index] for index in range(len(work.pieces))]
        output = work.finish(results)
        if self._ledger.claim(entry):
            entry.answer(self.answer(entry, output, results))

    def give_up(self, entry: Reading[R], error: MainspringError) -> None:
        if self._ledger.claim(entry):
            entry.fail(error)

    def alone(self) -> bool:
        """Whether the batch that asks is all that there is to do."""
        with self._arrived:
            return self._running == 1 and not self._round and not self._queue

    def _run(self) -> None:
        try:
            while batch := self._taken():
                if left := [one for one in batch if self._ledger.holds(one.entry)]:
                    self.run(left)
                with self._arrived:
                    self._running -= 1
        except Exception as error:  # noqa: BLE001  whatever broke the pass may have broken the device: the engine is rebuilt
            self._dead = True
            log.error("engine.died", engine=self.name, cause=type(error).__name__)
            self._ledger.fail_all(EngineFailed("the engine died while it held the request"))

    def _taken(self) -> list[Waiting[R]]:
        """The next batch of the round, or of a new one; waits for it. Empty: the engine is closed."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._round or self._queue or self._closed)
            if self._closed:
                return []
            if not self._round:
                oldest = [self._queue.popleft() for _ in range(min(_ROUND_PIECES, len(self._queue)))]
                self._round.extend(self._batches(oldest))
            self._running += 1
            return self._round.popleft()

    def _batches(self, waiting: list[Waiting[R]]) -> Iterator[list[Waiting[R]]]:
        """Of one kind and similar lengths, each within the budget or a single piece."""
        kinds: dict[Hashable, list[Waiting[R]]] = {}
        for one in waiting:
            kinds.setdefault(self.kind(one.piece), []).append(one)
        for alike in kinds.values():
            batch: list[Waiting[R]] = []
            for one in sorted(alike, key=lambda one: self.tokens(one.piece)):
                if batch and self.tokens(one.piece) * (len(batch) + 1) > self._budget:
                    yield batch
                    batch = []
                batch.append(one)
            yield batch


def not_finite() -> NotFinite:
    return NotFinite("the version's weights or its data type are broken for this input")
