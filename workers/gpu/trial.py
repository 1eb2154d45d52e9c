"""The short measurement at load: how fast the slots step, by threads and number of slots, and the stock batch beside.

It takes some thirty steps of the model, of a slow one fewer. Each candidate's fastest counts, and those that are
compared take turns, so that what else the machine does meanwhile slows all alike. A plan is a comparison, its speeds
are not a benchmark.
"""

from queue import SimpleQueue
from time import perf_counter

import torch
from transformers import PreTrainedModel

from mainspring.logs import log
from mainspring.serving.engine import Plan
from mainspring.tables import EngineName
from workers.gpu import continuous, device
from workers.gpu.progress import Progress
from workers.gpu.sampling import Sampling
from workers.gpu.slotted import passes

AT = 96  # the position at which steps are measured: a short prompt and some of its answer
FEW, MORE = 16, (32, 64)  # slots
WORTH = 1.15  # so much more must a doubling of the slots write, since each waits longer for its next token
CLEARLY = 1.25
REPEATS = 4
SECONDS = 2.0  # of a comparison; after so many each candidate's first counted step has to do
STOCK_TOKENS = 4
_STOCK_SECONDS = 60.0


def choose(model: PreTrainedModel, *, alone: bool) -> Plan:
    """The fastest way to run it on this CPU; `alone`: by slots, the stock batch is not asked for."""
    begun = perf_counter()
    attention = model.config._attn_implementation  # noqa: SLF001  transformers has no other name for it
    with torch.no_grad():
        step = _Step(model)
        tried = step.plans([(FEW, threads) for threads in _threads()])
        threads = _fewest(tried).threads
        few, *more = step.plans([(slots, threads) for slots in (FEW, *MORE)])
        tried = [*(plan for plan in tried if plan.threads != threads), few, *more]
        best = few
        for plan in more:
            if _speed(plan) < WORTH * _speed(best):
                break
            best = plan
    del step  # and its cache
    if not alone:
        tried.append(_stock(model, attention))
        # Clearly, since passes of the slots are compiled later on, and who has read a beginning reads it no more.
        best = tried[-1] if _speed(tried[-1]) > CLEARLY * _speed(few) else best
    seconds = round(perf_counter() - begun, 2)
    log.info("plan.chosen", engine=best.engine, slots=best.slots, threads=best.threads, seconds=seconds)
    return Plan(
        best.engine, best.slots, best.threads, best.dtype, [one for plan in tried for one in plan.tried]
    )


class _Step:
    """Decode steps over empty slots."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model, self._store = model, passes.prepare(model, max(FEW, *MORE), max(FEW, *MORE) * (AT + 1))

    def plans(self, candidates: list[tuple[int, int]]) -> list[Plan]:
        """By so many slots on so many threads, in turn."""
        most, _ = max(candidates)
        for tensor in (*self._store.keys, *self._store.values):
            tensor[:most].zero_()  # what was never written is one page of zeros, which is read too fast
        seconds = {one: list[float]() for one in candidates}
        begun = perf_counter()
        for turn in range(1 + REPEATS):
            if turn > 1 and perf_counter() - begun > SECONDS:
                break
            for slots, threads in candidates:
                seconds[slots, threads].append(self._seconds(slots, threads))
        return [
            _tried(self._model, EngineName.SLOTS, slots, threads, slots / min(found[1:]))
            for (slots, threads), found in seconds.items()
        ]

    def _seconds(self, slots: int, threads: int) -> float:
        torch.set_num_threads(threads)
        try:
            begun = perf_counter()
            self._step(slots)
            return perf_counter() - begun
        finally:
            torch.set_num_threads(device.use_threads())

    def _step(self, slots: int) -> None:
        rows = torch.arange(slots)
        tokens, positions = torch.ones_like(rows), torch.full_like(rows, min(AT, self._store.length - 1))
        passes.step(self._model, self._store.number, tokens, positions, rows)


def _stock(model: PreTrainedModel, attention: str) -> Plan:
    """The stock batch at work on a few short prompts; of no speed when it cannot run the model."""
    model.config._attn_implementation = attention  # noqa: SLF001  as it was before the slots
    heard: SimpleQueue[tuple[float, list[Progress]]] = SimpleQueue()
    loop = continuous.Loop(
        model,
        tokens=FEW * 4 * continuous.PAGE_TOKENS,
        slots=FEW,
        end_ids=set(),
        deliver=lambda told: heard.put((perf_counter(), told)),
        stepped=lambda: None,
    )
    try:
        loop.start()
        for number in range(FEW):
            loop.add(str(number), [1] * continuous.PAGE_TOKENS, STOCK_TOKENS, Sampling(seed=0))
        speed = _pace(heard)
    except (ValueError, RuntimeError) as error:
        log.info("plan.stock_failed", cause=type(error).__name__)
        speed = 0.0
    finally:
        loop.stop(_STOCK_SECONDS)
    return _tried(model, EngineName.CONTINUOUS, FEW, device.use_threads(), speed)


def _pace(heard: "SimpleQueue[tuple[float, list[Progress]]]") -> float:
    """Tokens a second between the moment when all had their first and the one when all had their last."""
    counts: dict[str, int] = {}
    begun = begun_with = 0.0
    while True:
        at, told = heard.get(timeout=_STOCK_SECONDS)
        for one in told:
            if one.failed:
                raise RuntimeError("a request failed")
            counts[one.key] = len(one.tokens)
        if len(counts) == FEW and not begun:
            begun, begun_with = at, sum(counts.values())
        if sum(counts.values()) == FEW * STOCK_TOKENS:
            return (FEW * STOCK_TOKENS - begun_with) / (at - begun) if at > begun else 0.0


def _tried(model: PreTrainedModel, engine: str, slots: int, threads: int, speed: float) -> Plan:
    one = {"engine": str(engine), "slots": slots, "threads": threads, "tokens_per_second": round(speed, 1)}
    return Plan(str(engine), slots, threads, str(model.dtype).removeprefix("torch."), [one])


def _speed(plan: Plan) -> float:
    return float(plan.tried[0]["tokens_per_second"])


def _fewest(plans: list[Plan]) -> Plan:
    """All threads, unless fewer are clearly faster: on a busy machine more threads lose more, but not for ever."""
    best = max(plans, key=lambda plan: plan.threads)
    for plan in plans:
        if _speed(plan) > CLEARLY * _speed(best):
            best = plan
    return best


def _threads() -> list[int]:
    """One, two, four, ... and as many as there are."""
    most = device.use_threads()
    return sorted({most, *(2**power for power in range(most.bit_length()))})
