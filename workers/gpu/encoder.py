"""The engine of encoders: whatever waits shares padded forward passes under a budget of tokens.

There is no wait for a batch to fill: an idle engine runs what comes at once, and a busy one finds a batch waiting.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread

import torch
from torch import Tensor
from transformers import PreTrainedModel

from mainspring.errors import Cancelled, EngineFailed, InvalidRequest, MainspringError, NotFinite
from mainspring.logs import log
from mainspring.serving.engine import EngineAnswer, EngineRequest, Health, OnText
from workers.gpu.heads import Head, Piece, Work
from workers.gpu.ledger import Entry, Ledger, running_future, stop_reason

CAPACITY = 64
_ROUND_PIECES = 64  # newcomers wait for at most one round of these
_BATCH_TOKENS = 4096  # padding included
_OUTPUT_BYTES = 2**28  # of one pass: a vocabulary's scores at every position are large
_STOP_SECONDS = 2.0


@dataclass
class Reading(Entry):
    """A request with its pieces' results so far; its answer is made when none is missing."""

    work: Work | None = None
    rows: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Waiting:
    entry: Reading
    index: int
    piece: Piece


class EncoderEngine:
    name = "encoder"
    capacity = CAPACITY

    def __init__(self, model: PreTrainedModel, head: Head) -> None:
        self._model, self._head = model, head
        self._budget = max(1, min(_BATCH_TOKENS, _OUTPUT_BYTES // (4 * max(1, head.width))))
        self._ledger: Ledger[Reading] = Ledger()
        self._queue: deque[Waiting] = deque()
        self._arrived = Condition()
        self._closed = self._dead = False
        self._thread = Thread(target=self._run, name="encode", daemon=True)
        self._thread.start()

    def submit(self, request: EngineRequest, on_text: OnText | None = None) -> Future[EngineAnswer]:
        entry = Reading(request, on_text, running_future())
        try:
            entry.work = self._head.prepare(request.input, request.parameters)
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
        self._thread.join(_STOP_SECONDS)
        self._ledger.fail_all(stop_reason(hung=self._thread.is_alive(), died=self._dead))

    def health(self) -> Health:
        return self._ledger.health(alive=self._thread.is_alive() and not self._dead)

    def _run(self) -> None:
        try:
            while waiting := self._round():
                for batch in self._batches(waiting):
                    if self._closed:
                        return
                    self._pass(batch)
        except Exception as error:  # noqa: BLE001  whatever broke the pass may have broken the device: the engine is rebuilt
            self._dead = True
            log.error("engine.died", engine=self.name, cause=type(error).__name__)
            self._ledger.fail_all(EngineFailed("the engine died while it held the request"))

    def _round(self) -> list[Waiting]:
        """The oldest pieces whose requests still want them; waits for some. Empty: the engine is closed."""
        with self._arrived:
            while True:
                self._arrived.wait_for(lambda: self._queue or self._closed)
                if self._closed:
                    return []
                taken = [self._queue.popleft() for _ in range(min(_ROUND_PIECES, len(self._queue)))]
                if wanted := [waiting for waiting in taken if self._ledger.holds(waiting.entry)]:
                    return wanted

    def _batches(self, waiting: list[Waiting]) -> Iterator[list[Waiting]]:
        """Of similar lengths, each within the budget or a single piece. Cancelled ones are left out late."""
        batch: list[Waiting] = []
        for one in sorted(waiting, key=lambda one: len(one.piece.ids)):
            if batch and len(one.piece.ids) * (len(batch) + 1) > self._budget:
                yield batch
                batch = []
            batch.append(one)
        yield batch

    @torch.inference_mode()
    def _pass(self, batch: list[Waiting]) -> None:
        batch = [one for one in batch if self._ledger.holds(one.entry)]
        if not batch:
            return
        inputs = self._head.inputs([one.piece for one in batch], self._model.device)
        rows = self._head.rows(self._model(**inputs), inputs["attention_mask"])
        self._ledger.progressed()
        for one, row in zip(batch, rows, strict=True):
            self._collect(one, row)

    def _collect(self, one: Waiting, row: Tensor) -> None:
        entry, work = one.entry, one.entry.work
        assert work is not None
        if not torch.isfinite(row).all():
            if self._ledger.claim(entry):
                entry.fail(NotFinite("the version's weights or its data type are broken for this input"))
            return
        entry.rows[one.index] = row
        if len(entry.rows) < len(work.pieces):
            return
        output = work.finish([entry.rows[index] for index in range(len(work.pieces))])
        if self._ledger.claim(entry):
            usage = {"prompt_tokens": sum(len(piece.ids) for piece in work.pieces)}
            entry.answer(EngineAnswer(output, usage, engine_seconds=entry.age()))
