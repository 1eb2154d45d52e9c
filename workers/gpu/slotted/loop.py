"""The thread: newcomers into slots, one pass for all who decode and some of the prompts, and what came of it told."""

from collections.abc import Callable
from functools import partial
from threading import Condition, Thread
from time import monotonic, perf_counter

import torch
from torch import Tensor
from transformers import PreTrainedModel

from mainspring.logs import log
from workers.gpu import perplexity
from workers.gpu.packed import invariant
from workers.gpu.perplexity import Perplexity
from workers.gpu.progress import Deliver, Progress
from workers.gpu.sampling import Sampling, choose
from workers.gpu.slotted import compiling, passes
from workers.gpu.slotted.compiled import Command, Passes
from workers.gpu.slotted.known import refuse_unknown
from workers.gpu.slotted.pace import Pace
from workers.gpu.slotted.request import Request
from workers.gpu.slotted.table import Part, Table


class SlotLoop:
    """`deliver` is called from the thread after every pass that wrote tokens, `stepped` after every round.

    `chunk`: tokens of prompts that are read beside a decode step; None: as the pace has it. `compile_after`: how often
    a kind of pass is run before it is compiled, None: never; `compiler` starts what does it. `threads`: of every
    pass.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        tokens: int,
        slots: int,
        end_ids: set[int],
        deliver: Deliver,
        stepped: Callable[[], None],
        chunk: int | None = None,
        compile_after: int | None = None,
        threads: int | None = None,
        compiler: Command = compiling.start,
    ) -> None:
        """Raises ValueError for an architecture that the slots do not know."""
        refuse_unknown(model)
        self.model = model
        self._end_ids, self._deliver, self._stepped = end_ids, deliver, stepped
        self._threads = threads or torch.get_num_threads()
        self._pace = Pace(chunk)
        self._store = passes.prepare(model, slots, tokens)
        self._table = Table(slots, tokens, self._pace, whole=invariant(model))
        self.passes = Passes(
            model,
            self._store,
            slots,
            threads=self._threads,
            compile_after=compile_after,
            command=compiler,
        )
        self._perplexity = Perplexity(partial(passes.read_alone, model), model.device)
        self._asked = Condition()  # guards the next three
        self._newcomers: list[Request] = []
        self._cancelled: set[str] = set()
        self._stopping = False
        self._fatal: BaseException | None = None
        self._thread = Thread(target=self._run, name="decode", daemon=True)

    @property
    def alive(self) -> bool:
        return self._fatal is None and self._thread.is_alive()

    @property
    def death(self) -> str:
        return type(self._fatal).__name__

    @property
    def cache_used(self) -> float:
        return self._table.used

    def start(self) -> None:
        self._thread.start()

    def add(self, key: str, ids: list[int], max_tokens: int, sampling: Sampling, scope: str = "") -> bool:
        with self._asked:
            if self._stopping or not self.alive:
                return False
            self._newcomers.append(Request(key, ids, max_tokens, sampling, scope))
            self._asked.notify()
            return True

    def cancel(self, key: str) -> None:
        with self._asked:
            self._cancelled.add(key)
            self._asked.notify()

    def stop(self, seconds: float) -> bool:
        with self._asked:
            self._stopping = True
            self._asked.notify()
        end = monotonic() + seconds
        self.passes.stop(seconds)
        if self._thread.is_alive():
            self._thread.join(max(0.0, end - monotonic()))
        return not self._thread.is_alive()

    def _run(self) -> None:
        torch.set_num_threads(self._threads)  # of this thread alone
        try:
            with torch.no_grad():
                while self._take():
                    self._round()
        except Exception as error:  # noqa: BLE001  whatever it is, the engine must learn that the loop is dead
            self._die(error)

    def _die(self, error: Exception) -> None:
        log.error("slots.died", cause=type(error).__name__)
        with self._asked:
            self._fatal = error
            held = [*self._table.all(), *self._newcomers]
        self.passes.stop(0)
        self._deliver([request.failure() for request in held])

    def _take(self) -> bool:
        """Wait for work and take over what was asked for since the last round. False: stop."""
        with self._asked:
            self._asked.wait_for(
                lambda: self._stopping or self._newcomers or self._cancelled or self._table.busy
            )
            newcomers, self._newcomers = self._newcomers, []
            cancelled, self._cancelled = self._cancelled, set()
            self._table.waiting.extend(newcomers)
            self._table.drop(cancelled)
            stopping = self._stopping
        if newcomers:
            self._perplexity.draw(newcomers)
        return not stopping

    def _round(self) -> None:
        for copy in self._table.admit():
            self._store.copy(copy.source, copy.target, copy.tokens)
        self._table.make_room()
        parts, decoding = self._table.parts(), self._table.decoding()
        for slot in self._store.keep_within(self._table.written(parts)):
            self._table.forget(slot)
        if self._pace.bearable(perplexity.TOKENS, len(decoding)):
            self._perplexity.one()
        if parts or decoding:
            self._pass(parts, decoding)
        self._stepped()

    def _pass(self, parts: list[Part], decoding: list[tuple[int, Request]]) -> None:
        """Parts of prompts together with all who decode; without any, a step."""
        begun = perf_counter()
        rows = [(request.last(), request.fed, slot) for slot, request in decoding]
        scores = self.passes.read(parts, rows) if parts else self.passes.step(rows)
        seconds, read = perf_counter() - begun, sum(part.end - part.begin for part in parts)
        long = any(part.request.long for part in parts)
        self._pace.passed(read, len(rows), seconds, long=long)
        fed = [(part.slot, part.request, part.end) for part in parts]
        self._advance([*fed, *((slot, request, request.total) for slot, request in decoding)], scores)

    def _advance(self, fed: list[tuple[int, Request, int]], scores: Tensor) -> None:
        """`fed`: slots, their requests, and up to where they are fed now; `scores`: [of each, vocabulary]."""
        for _, request, end in fed:
            request.fed = end
        rows = [row for row, (_, request, _) in enumerate(fed) if request.left == 0]
        if not rows:
            return
        if len(rows) < len(fed):
            scores = scores[rows]
        requests = [fed[row][1] for row in rows]
        samplings = [request.sampling for request in requests]
        chosen = choose(scores, samplings, [request.total for request in requests])
        written = zip(rows, requests, *(of_each.tolist() for of_each in chosen), strict=True)
        self._deliver([self._write(fed[row][0], request, *one) for row, request, *one in written])

    def _write(self, slot: int, request: Request, token: int, logprob: float, entropy: float) -> Progress:
        request.write(token, logprob, entropy)
        finished = request.finished(self._end_ids)
        if finished:
            self._table.release(request)
        if not request.finite:
            self._store.wipe(slot, request.fed)
            self._table.forget(slot)
        return request.progress(finished=finished)
