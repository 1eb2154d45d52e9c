"""Inputs are answered by an engine as it serves them, one item an answer."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from mainspring.errors import EngineFailed, MainspringError, NotFinite
from mainspring.serving.engine import Engine, EngineAnswer, EngineRequest
from workers.gpu.evaluating.steps import Tick

Answered = EngineAnswer | NotFinite | None  # None: the version cannot read the input


def answers(
    engine: Engine, inputs: Sequence[Any], parameters: dict[str, Any], seed: int, tick: Tick
) -> list[Answered]:
    """In their order. Raises EngineFailed: what the engine broke at is not the input's fault."""
    waiting: deque[Future[EngineAnswer]] = deque()
    found: list[Answered] = []
    for number, given in enumerate(inputs):
        waiting.append(engine.submit(EngineRequest(str(number), given, parameters, seed)))
        if len(waiting) > 2 * engine.capacity:
            found.append(_answer(waiting.popleft()))
            tick(len(found) / len(inputs))
    for future in waiting:
        found.append(_answer(future))
        tick(len(found) / len(inputs))
    return found


def outputs(found: Sequence[Answered]) -> Iterator[Any]:
    """What was answered, None where nothing was."""
    return (one.output if isinstance(one, EngineAnswer) else None for one in found)


def _answer(future: Future[EngineAnswer]) -> Answered:
    try:
        return future.result()
    except NotFinite as error:
        return error
    except EngineFailed:
        raise
    except MainspringError:
        return None
