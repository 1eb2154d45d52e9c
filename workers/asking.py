"""Ask an engine for an answer: after all that was said before, then, where that is too long, after less and less."""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any
from uuid import UUID

from mainspring.errors import PromptTooLong
from mainspring.serving.conversation import after, forget, history
from mainspring.serving.engine import Engine, EngineAnswer, EngineRequest, OnText
from mainspring.tables import Database, Task


def ask(
    engine: Engine,
    inputs: Iterator[Any],
    request: Callable[[Any], EngineRequest],
    on_text: OnText | None = None,
    *,
    end: float | None = None,
) -> EngineAnswer:
    """`end`: on the monotonic clock. Raises what the engine's future ends with, and TimeoutError at the end."""
    given = next(inputs)
    while True:
        future = engine.submit(request(given), on_text)
        try:
            return future.result(None if end is None else max(0.0, end - monotonic()))
        except PromptTooLong:
            shorter = next(inputs, None)
            if shorter is None:
                raise
            given = shorter


def inputs(
    database: Database, task: str, given: Any, session_id: UUID | None, job_id: UUID | None
) -> Iterator[Any]:
    """Of a job and its conversation, if it has one, the inputs to be tried one after the other."""
    if session_id is None or job_id is None or task != Task.TEXT_GENERATION:
        yield given
        return
    with database.each() as connection:
        said = history(connection, session_id, job_id)
    yield after(said, given)
    while said:
        said = forget(said)
        yield after(said, given)
