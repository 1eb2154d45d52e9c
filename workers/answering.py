"""One job's road through a worker: claim, submit to the engine, finish under the fence, observe, tell.

Each step is one statement; while the engine works no connection is held.
"""

from concurrent.futures import Future
from uuid import UUID

import structlog

from mainspring.errors import Cancelled, EngineStopping, MainspringError
from mainspring.logs import log
from mainspring.serving import answer as finish
from mainspring.serving.claim import Claimed, Fence, claim
from mainspring.serving.engine import EngineAnswer, EngineRequest
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
                _answer(runtime, held, job)
        finally:
            again = held.slots.leave()


def _claim(runtime: Runtime, held: Held) -> Claimed | None:
    if runtime.stopping or not held.ready:
        return None
    with runtime.database.each() as connection:
        return claim(connection, held.version_id, runtime.life.incarnation)


def _answer(runtime: Runtime, held: Held, job: Claimed) -> None:
    fence = job.fence
    with structlog.contextvars.bound_contextvars(
        job=str(fence.job_id), version=held.label, attempt=fence.attempt
    ):
        if not runtime.running.begin(fence, held.engine):
            return
        try:
            _finish(runtime, fence, _submit(runtime, held, job))
        finally:
            runtime.running.end(fence)


def _submit(runtime: Runtime, held: Held, job: Claimed) -> Future[EngineAnswer]:
    request = EngineRequest(request_id(job.fence), job.input, job.parameters, job.seed)
    return held.engine.submit(request, Voice(runtime.outbox, str(job.fence.job_id), job.fence.attempt))


def _finish(runtime: Runtime, fence: Fence, future: Future[EngineAnswer]) -> None:
    try:
        answer = future.result()
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
