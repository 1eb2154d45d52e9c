"""The engine of causal models: text in, text out, over a decode loop."""

import math
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from mainspring.errors import Cancelled, EngineFailed, MainspringError
from mainspring.logs import log
from mainspring.serving.engine import EngineAnswer, EngineRequest, Health, OnText, Plan
from workers.gpu.ledger import Ledger, Writing, running_future, stop_reason
from workers.gpu.progress import LoopMaker, Progress
from workers.gpu.prompts import Prompts
from workers.gpu.sampling import Sampling
from workers.gpu.text import Pieces, StopStrings

_LOOK_SECONDS = 0.2  # how often a silent loop is asked whether it lives
_STOP_SECONDS = 2.0  # how long a step may still take when the engine stops


@dataclass
class Generating(Writing):
    """What has been made of one request's tokens so far."""

    key: str = ""
    prompt_tokens: int = 0
    pieces: Pieces | None = None
    stops: StopStrings | None = None
    tokens: int = 0
    text: str = ""


class GenerationEngine:
    """`context`: tokens read and written in all; `cache_tokens`: positions in the cache, at least the context.

    `loop` makes the decode loop that the `plan` names.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        context: int,
        cache_tokens: int,
        end_ids: set[int],
        plan: Plan,
        loop: LoopMaker,
    ) -> None:
        self.plan, self.name, self.capacity = plan, plan.engine, plan.slots
        self._tokenizer, self._end_ids = tokenizer, end_ids
        self._prompts = Prompts(tokenizer, context)
        self._ledger: Ledger[Generating] = Ledger()
        self._heard: SimpleQueue[list[Progress] | None] = SimpleQueue()
        self._numbers = count()
        self._stopping = False
        self._loop = loop(
            model,
            tokens=cache_tokens,
            slots=self.capacity,
            end_ids=end_ids,
            deliver=self._heard.put,
            stepped=self._ledger.progressed,
        )
        self._loop.start()
        self._reader = Thread(target=self._read, name="texts", daemon=True)
        self._reader.start()

    def submit(self, request: EngineRequest, on_text: OnText | None = None) -> Future[EngineAnswer]:
        entry = Generating(request, on_text, running_future())
        try:
            self._begin(entry)
        except MainspringError as error:
            entry.fail(error)
        return entry.future

    def cancel(self, request_id: str) -> None:
        entry = self._ledger.take(request_id)
        if entry is not None:
            self._loop.cancel(entry.key)
            entry.fail(Cancelled("the request was cancelled"))

    def stop(self, drain_seconds: float = 0.0) -> None:
        self._ledger.drain(drain_seconds)
        self._stopping = True
        was_alive = self._loop.alive
        ended = self._loop.stop(_STOP_SECONDS)
        self._ledger.fail_all(stop_reason(hung=not ended, died=not was_alive))
        self._heard.put(None)

    def health(self) -> Health:
        alive = self._loop.alive and self._reader.is_alive()
        return self._ledger.health(alive=alive, cache_used=self._loop.cache_used)

    def _begin(self, entry: Generating) -> None:
        request = entry.request
        ids = self._prompts.ids(request.input)
        most = self._prompts.max_tokens(len(ids), request.parameters.get("max_tokens"))
        # The loop's name for it is used once, so that what an earlier request of this id still emits is not heard.
        entry.key = f"{request.id}#{next(self._numbers)}"
        entry.prompt_tokens = len(ids)
        entry.pieces = Pieces(self._tokenizer)
        entry.stops = StopStrings(request.parameters.get("stop", []))
        self._ledger.admit(entry)
        sampling = Sampling.of(request.parameters, request.seed)
        taken = self._loop.add(entry.key, ids, most, sampling, request.scope)
        if not self._ledger.holds(entry):
            self._loop.cancel(entry.key)  # cancelled or stopped before the loop had it
        elif not taken and self._ledger.claim(entry):
            entry.fail(EngineFailed("the engine has died and is about to be rebuilt"))

    def _read(self) -> None:
        """The reader thread: turns what the loop emits into texts and answers."""
        while True:
            try:
                batch = self._heard.get(timeout=_LOOK_SECONDS)
            except Empty:
                if not self._loop.alive and not self._stopping:
                    return self._mourn()
                continue
            if batch is None:
                return None
            for progress in batch:
                self._hear(progress)

    def _mourn(self) -> None:
        log.error("engine.died", engine=self.name, cause=self._loop.death)
        self._ledger.fail_all(EngineFailed("the engine died while it held the request"))

    def _hear(self, progress: Progress) -> None:
        entry = self._ledger.find(progress.key.rpartition("#")[0])
        if entry is None or entry.key != progress.key:
            return
        try:
            self._advance(entry, progress)
        except Exception as error:  # noqa: BLE001  a listener's or decoder's fault ends its own request, not the others
            log.error("engine.request_failed", engine=self.name, cause=type(error).__name__)
            self._give_up(entry, "the engine could not write down the answer")

    def _advance(self, entry: Generating, progress: Progress) -> None:
        if progress.failed and self._stopping:
            return None  # `stop` tells it why
        if progress.failed:
            return self._give_up(entry, "the engine died while it held the request")
        if not all(map(math.isfinite, progress.logprobs[entry.tokens :])):
            return self._give_up(entry, "the model computed numbers that are not finite")
        new = progress.tokens[entry.tokens :]
        if new:
            entry.hear(len(new))
        entry.tokens = len(progress.tokens)
        ended = progress.finished and entry.tokens > 0 and progress.tokens[-1] in self._end_ids
        self._tell(entry, new[:-1] if ended else new, last=progress.finished)
        assert entry.stops is not None
        if entry.stops.found or progress.finished:
            self._answer(entry, progress, "stop" if ended or entry.stops.found else "length")
        return None

    def _tell(self, entry: Generating, ids: list[int], *, last: bool) -> None:
        assert entry.pieces is not None
        assert entry.stops is not None
        piece = entry.stops.push(entry.pieces.push(ids))
        if last:
            piece += entry.stops.push(entry.pieces.finish()) + entry.stops.finish()
        if piece:
            entry.text += piece
            if entry.on_text is not None and self._ledger.holds(entry):
                entry.on_text(piece)

    def _answer(self, entry: Generating, progress: Progress, finish_reason: str) -> None:
        if not progress.finished:
            self._loop.cancel(entry.key)
        if not self._ledger.claim(entry):
            return
        output: dict[str, Any] = {"text": entry.text, "finish_reason": finish_reason}
        written = max(1, len(progress.logprobs))
        measures = {"entropy": progress.entropy / written}
        if progress.prompt_logprob is not None:
            measures["prompt_logprob"] = progress.prompt_logprob
        entry.answer(
            EngineAnswer(
                output,
                {"prompt_tokens": entry.prompt_tokens, "completion_tokens": entry.tokens},
                first_token_seconds=entry.first_token_seconds,
                engine_seconds=entry.age(),
                mean_logprob=sum(progress.logprobs) / written,
                measures=measures,
                gaps=entry.gaps,
            )
        )

    def _give_up(self, entry: Generating, why: str) -> None:
        self._loop.cancel(entry.key)
        if self._ledger.claim(entry):
            entry.fail(EngineFailed(why))
