"""How fast the two answer on this machine, through the engine that would serve them: the same questions in turn, so that
what else the machine does slows both alike. These figures alone differ from one time to the next."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from mainspring.curation.rows import Row
from mainspring.errors import LoadingFailed, MainspringError
from mainspring.evaluation.items import Item
from mainspring.evaluation.metrics.speed import latency, throughput
from mainspring.evaluation.results import Measured
from mainspring.evaluation.suite import Suite
from mainspring.serving.engine import Engine, EngineAnswer, EngineRequest
from mainspring.terms import Task
from workers.gpu.evaluating.answering import parameters_of
from workers.gpu.evaluating.contestant import Contestant
from workers.gpu.evaluating.passages import input_of, is_asked
from workers.gpu.evaluating.questions import question
from workers.gpu.evaluating.steps import Tick
from workers.gpu.evaluating.task import Sets, sources

SECONDS = 15.0  # of repeating what was timed once, for each of the two figures
MOST_TURNS = 5  # of a question
FEWEST_ROUNDS, MOST_ROUNDS = 5, 30  # of as many questions at once as the engine takes
_BEGINNING = 400  # characters of a text that asks nothing, to be gone on with
_WARM = 2


@dataclass
class Timed:
    """Of one question, the seconds that each engine took, turn by turn."""

    given: Any
    source: str
    seconds: list[list[float]] = field(default_factory=list)


def paced(
    suite: Suite, sets: Sets, contestants: Sequence[Contestant], tick: Tick
) -> tuple[list[Measured], list[str]]:
    """`latency` and `throughput`, and what there is to note. Raises ModelRefused, and what an answer fails with."""
    timed = _questions(suite, sets)
    if not timed:
        return [], []
    with ExitStack() as stack:
        try:
            engines = [stack.enter_context(one.engine()) for one in contestants]
        except LoadingFailed:
            return [], ["latency, throughput: the two versions do not fit into memory together"]
        run = _Run(engines, parameters_of(suite), suite.plan.seed)
        for one in timed[:_WARM]:
            run.one(one.given, 0)
        return [
            latency(_answered(run, timed, tick), suite.plan.level),
            throughput(_rounds(run, timed, tick), suite.plan.level),
        ], []


def given_of(task: Task, row: Row) -> Any:
    """A row as an input of the task; None: it is none."""
    if task == Task.TEXT_GENERATION:
        return input_of(row) if is_asked(row) else row.text[:_BEGINNING]
    return question(row) if task == Task.QUESTION_ANSWERING else row.text or None


def _questions(suite: Suite, sets: Sets) -> list[Timed]:
    """So many as the plan wants; where there are fewer, some come again."""
    rows = [row for some in sets.values() for row in some]
    known = [
        (given, source)
        for row, source in zip(rows, sources(rows), strict=True)
        if (given := given_of(suite.task, row)) is not None
    ]
    known += [(one.input, f"golden {at}") for at, one in enumerate(suite.plan.golden)]
    return [Timed(*known[at % len(known)]) for at in range(suite.plan.timed)] if known else []


@dataclass
class _Run:
    engines: Sequence[Engine]
    parameters: dict[str, Any]
    seed: int
    asked: int = 0

    def one(self, given: Any, turn: int) -> list[float] | None:
        """Seconds that each took, in the engines' order; who comes first changes. None: not all can answer it."""
        found = {}
        for at in self._order(turn):
            begun = time.perf_counter()
            if self._together(self.engines[at], [given]) is None:
                return None
            found[at] = time.perf_counter() - begun
        return [found[at] for at in range(len(self.engines))]

    def many(self, given: Sequence[Any], turn: int) -> list[tuple[float, float]]:
        """Tokens and seconds of each, all at once."""
        found = {}
        for at in self._order(turn):
            begun = time.perf_counter()
            tokens = self._together(self.engines[at], given)
            found[at] = (tokens or 0.0, time.perf_counter() - begun)
        return [found[at] for at in range(len(self.engines))]

    def _order(self, turn: int) -> Iterator[int]:
        count = len(self.engines)
        return (((at + turn) % count) for at in range(count))

    def _together(self, engine: Engine, given: Sequence[Any]) -> float | None:
        """Tokens that were made, or read where none are. None: nothing was answered."""
        futures = []
        for one in given:
            self.asked += 1
            futures.append(engine.submit(EngineRequest(str(self.asked), one, self.parameters, self.seed)))
        answers = [_answer(future) for future in futures]
        told = [_tokens(one) for one in answers if one is not None]
        return sum(told) if told else None


def _answered(run: _Run, timed: Sequence[Timed], tick: Tick) -> list[Item]:
    """Once each, and again while there is time; of each question the middle one counts."""
    begun = time.perf_counter()
    for turn in range(MOST_TURNS):
        for at, one in enumerate(timed):
            if turn and time.perf_counter() - begun > SECONDS:
                break
            if (seconds := run.one(one.given, turn + at)) is not None:
                one.seconds.append(seconds)
            tick(0.5 * (turn + at / len(timed)) / MOST_TURNS)
    return [
        Item(one.source, *(median(side) for side in zip(*one.seconds, strict=True)))
        for one in timed
        if one.seconds
    ]


def _rounds(run: _Run, timed: Sequence[Timed], tick: Tick) -> list[Item]:
    """A round is an item of its own."""
    begun, size = time.perf_counter(), max(engine.capacity for engine in run.engines)
    answered = [one.given for one in timed if one.seconds]
    most = min(MOST_ROUNDS, max(FEWEST_ROUNDS, len(answered)))
    items: list[Item] = []
    while answered and len(items) < most:
        if len(items) >= FEWEST_ROUNDS and time.perf_counter() - begun > SECONDS:
            break
        first = len(items) * size
        found = run.many([answered[at % len(answered)] for at in range(first, first + size)], len(items))
        own, *other = found
        items.append(
            Item("", own[0], other[0][0], own[1], other[0][1]) if other else Item("", own[0], None, own[1])
        )
        tick(0.5 + 0.5 * len(items) / most)
    return items


def _answer(future: Any) -> EngineAnswer | None:
    try:
        found: EngineAnswer = future.result()
    except MainspringError:
        return None
    return found


def _tokens(answer: EngineAnswer) -> float:
    return float(answer.usage.get("completion_tokens", answer.usage.get("prompt_tokens", 0)))
