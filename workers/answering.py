"""One job's road through a worker: claim, submit to the engine, finish under the fence, observe, tell.

Each step is one statement; while the engine works no connection is held.
"""

from concurrent.futures import Future
from typing import Any
from uuid import UUID

import structlog

from mainspring.errors import Cancelled, EngineStopping, MainspringError, PromptTooLong
from mainspring.logs import log
from mainspring.messages import Answer
from mainspring.serving import answer as finish
from mainspring.serving import bounded
from mainspring.serving.answer import EXPIRED
from mainspring.serving.claim import Claimed, Fence, claim
from mainspring.serving.conversation import after, history, release
from mainspring.serving.engine import EngineAnswer, EngineRequest
from mainspring.tables import Task
from workers.held import Held
from workers.outbox import Voice
from workers.persist import persist
from workers.running import request_id
from workers.runtime import Runtime


def work(runtime: Runtime, version_id: UUID) -> None:
    """Answer jobs of this version until its queue is empty or every slot is taken."""
    held = runtime.holder.find(version_id)
    if held is None:
        return
    again = True
    while again and held.slots.enter():
        try:
            while (job := _claim(runtime, held)) is not None:
                answer(runtime, held, job)
        finally:
            again = held.slots.leave()


def _claim(runtime: Runtime, held: Held) -> Claimed | None:
    if runtime.stopping or runtime.paused or not held.ready:
        return None
    if runtime.bounded:
        with runtime.database.begin() as connection:
            return bounded.claim(connection, held.version_id, runtime.life.incarnation)
    with runtime.database.each() as connection:
        return claim(connection, held.version_id, runtime.life.incarnation)


def answer(runtime: Runtime, held: Held, job: Claimed) -> None:
    """From the claim to the row's end."""
    fence = job.fence
    with structlog.contextvars.bound_contextvars(
        job=str(fence.job_id), version=held.label, attempt=fence.attempt
    ):
        if not runtime.running.begin(fence, held.engine):
            return
        try:
            _finish(runtime, held, job, _submit(runtime, held, job))
        finally:
            runtime.running.end(fence)
        if job.session_id is not None:
            _release(runtime, fence)


def _submit(runtime: Runtime, held: Held, job: Claimed) -> Future[EngineAnswer]:
    voice = Voice(runtime.outbox, str(job.fence.job_id), job.fence.attempt)

    def submit(given: Any) -> Future[EngineAnswer]:
        request = EngineRequest(request_id(job.fence), given, job.parameters, job.seed)
        return held.engine.submit(request, voice)

    if job.session_id is None or held.task != Task.TEXT_GENERATION:
        return submit(job.input)
    with runtime.database.each() as connection:
        said = history(connection, job.session_id, job.fence.job_id)
    future = submit(after(said, job.input))
    while said and _is_too_long(future):  # the oldest is forgotten first
        said = said[-(-len(said) // 4) :]
        future = submit(after(said, job.input))
    return future


def _is_too_long(future: Future[EngineAnswer]) -> bool:
    """Engines find out before they return the future."""
    return future.done() and not future.cancelled() and isinstance(future.exception(), PromptTooLong)


def _release(runtime: Runtime, fence: Fence) -> None:
    """The next job of the session may run; should this be lost, the sweep finds it."""
    with runtime.database.each() as connection:
        version = release(connection, fence.job_id)
    if version is not None:
        runtime.nudge(Answer(str(version), str(fence.job_id)))


def _finish(runtime: Runtime, held: Held, job: Claimed, future: Future[EngineAnswer]) -> None:
    fence = job.fence
    try:
        answer = future.result(None if job.seconds_left is None else max(0.0, job.seconds_left))
    except TimeoutError:
        held.engine.cancel(request_id(fence))
        _write(runtime, fence, None, EXPIRED)
    except Cancelled:
        log.info("job.stopped")  # whoever cancelled it, or took it away, has written the row
    except MainspringError as error:
        if error.retryable:
            runtime.give_back(fence, lost=not isinstance(error, EngineStopping))
        else:
            _write(runtime, fence, None, error)
    else:
        _write(runtime, fence, answer, None)


def _write(
    runtime: Runtime, fence: Fence, answer: EngineAnswer | None, error: MainspringError | None
) -> None:
    def statement() -> bool:
        with runtime.database.each() as connection:
            if answer is not None:
                return finish.succeed(connection, fence, answer)
            assert error is not None
            return finish.fail(connection, fence, error) is not None

    held = persist(statement, runtime.settings.lease_seconds)
    # Told also when the fence refused: the first commit may have succeeded just before its connection broke.
    runtime.outbox.ended(str(fence.job_id))
    if held:
        log.info("job.ended", code=None if error is None else error.code)
    else:
        log.warning("job.fenced")
