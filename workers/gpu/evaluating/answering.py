"""Inputs are answered as they are served, in batches that are the same each time: what shares a batch changes the last
digits of what comes out."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from mainspring.errors import EngineFailed, MainspringError, NotFinite
from mainspring.evaluation.suite import Suite
from mainspring.serving.engine import Engine, EngineAnswer, EngineRequest
from mainspring.terms import Task
from workers.gpu.evaluating.batches import batched, passes
from workers.gpu.evaluating.reading import budget
from workers.gpu.evaluating.scores import BROKEN
from workers.gpu.evaluating.steps import Tick
from workers.gpu.evaluating.task import Examination
from workers.gpu.heads import Head, Piece, Work
from workers.gpu.load import Loaded
from workers.gpu.tasks import head_for

WRITING = (Task.TEXT_GENERATION, Task.TRANSLATION, Task.SUMMARIZATION)
TOGETHER = 32  # texts that are given to an engine at once, where they share what it computes

Answer = Callable[[Sequence[Any], Tick], list[Any]]
"""Outputs of inputs, in their order. BROKEN: its numbers were none; None: it cannot read the input, or that was None.

Raises EngineFailed when the engine has died.
"""


@contextmanager
def answering(this: Examination) -> Iterator[Answer]:
    """By an engine that writes, or the head of an encoder's task. Raises ModelRefused, LoadingFailed."""
    if this.suite.task not in WRITING:
        with this.contestant.weights() as loaded:
            head = head_for(
                this.suite.task, this.contestant.path, loaded.model, loaded.tokenizer, loaded.context
            )
            yield partial(_by_head, loaded, head)
        return
    with this.contestant.engine() as engine:
        ask = _one_by_one if this.suite.task == Task.TEXT_GENERATION else _together
        yield partial(ask, engine, parameters_of(this.suite), this.suite.plan.seed)


def parameters_of(suite: Suite) -> dict[str, Any]:
    """Of a request of the task that is answered in one way only."""
    if suite.task not in WRITING:
        return {}
    own = suite.parameters | {"max_tokens": suite.plan.tokens}
    return own | ({"temperature": 0.0} if suite.task == Task.TEXT_GENERATION else {})


def made(outputs: Sequence[Any], make: Callable[[int, Any], Any]) -> list[Any]:
    """Entries of a column. `make` is given an item's place and what was answered."""
    return [one if one is None or one is BROKEN else make(at, one) for at, one in enumerate(outputs)]


def _one_by_one(
    engine: Engine, parameters: dict[str, Any], seed: int, inputs: Sequence[Any], tick: Tick
) -> list[Any]:
    """By an engine that answers alike whatever else it does: as many at once as it takes."""
    waiting: deque[Future[EngineAnswer] | None] = deque()
    found: list[Any] = []

    def hear() -> None:
        future = waiting.popleft()
        found.append(None if future is None else _output(engine, future))
        tick(len(found) / len(inputs))

    for number, given in enumerate(inputs):
        asked = None if given is None else EngineRequest(str(number), given, parameters, seed)
        waiting.append(None if asked is None else engine.submit(asked))
        if len(waiting) > 2 * engine.capacity:
            hear()
    while waiting:
        hear()
    return found


def _together(
    engine: Engine, parameters: dict[str, Any], seed: int, inputs: Sequence[Any], tick: Tick
) -> list[Any]:
    """By an engine that batches what waits: a list at a time, or, where a text of it cannot be read, one after another."""
    found: list[Any] = []

    def asked(given: Any) -> Any:
        return _output(engine, engine.submit(EngineRequest(str(len(found)), given, parameters, seed)))

    while len(found) < len(inputs):
        some = inputs[len(found) : len(found) + TOGETHER]
        together = asked(list(some)) if all(isinstance(one, str) for one in some) else None
        if not isinstance(together, list):
            together = [None if one is None else asked(one) for one in some]
        found += together
        tick(len(found) / len(inputs))
    return found


def _output(engine: Engine, future: Future[EngineAnswer]) -> Any:
    try:
        return future.result().output
    except NotFinite:
        return BROKEN
    except EngineFailed:
        if not engine.health().alive:
            raise
        return BROKEN  # what fails while the engine lives are the answer's own numbers
    except MainspringError:
        return None


def _by_head(loaded: Loaded, head: Head, inputs: Sequence[Any], tick: Tick) -> list[Any]:
    """As the engine of encoders makes them, which batches what comes at a time. Without padding, as there: in bfloat16 it
    turned the labels of a fourth of the texts of a model of random weights."""
    works = [_work(head, given) for given in inputs]
    pieces = [
        (at, part, piece)
        for at, work in enumerate(works)
        for part, piece in enumerate([] if work is None else work.pieces)
    ]
    rows: list[dict[int, Any]] = [{} for _ in inputs]
    most = budget(loaded.model, head.width)
    batches = list(batched(pieces, lambda one: len(one[2].ids), most, padded=False))
    for (at, part, _), row in passes(batches, partial(_rows, loaded, head), tick):
        rows[at][part] = row
    return [None if work is None else _finished(work, found) for work, found in zip(works, rows, strict=True)]


def _work(head: Head, given: Any) -> Work[torch.Tensor] | None:
    try:
        work = None if given is None else head.prepare(given, {})
    except MainspringError:
        return None
    return work if work is not None and work.pieces else None


@torch.inference_mode()
def _rows(loaded: Loaded, head: Head, batch: Sequence[tuple[int, int, Piece]]) -> list[torch.Tensor]:
    model: Any = loaded.model
    inputs = head.inputs([piece for _, _, piece in batch], model.device)
    return head.rows(model(**inputs), inputs["attention_mask"])


def _finished(work: Work[torch.Tensor], found: dict[int, torch.Tensor]) -> Any:
    rows = [found[part] for part in range(len(work.pieces))]
    return work.finish(rows) if all(torch.isfinite(row).all() for row in rows) else BROKEN
