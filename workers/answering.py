"""One job's road through a worker: claim, submit to the engine, finish under the fence, observe, tell.

Each step is one statement; while the engine works no connection is held.
"""

from time import monotonic
from typing import Any
from uuid import UUID

import structlog

from mainspring.errors import Cancelled, EngineStopping, MainspringError
from mainspring.logs import log
from mainspring.messages import Answer
from mainspring.serving import answer as finish
from mainspring.serving import bounded
from mainspring.serving.answer import EXPIRED
from mainspring.serving.claim import Claimed, Fence, claim
from mainspring.serving.conversation import release
from mainspring.serving.engine import EngineAnswer, EngineRequest
from mainspring.terms import JobState
from mainspring.tracing import Attempt
from workers.asking import ask, inputs
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
    fence, begun = job.fence, monotonic()
    with structlog.contextvars.bound_contextvars(
        job=str(fence.job_id), version=held.label, attempt=fence.attempt
    ):
        if not runtime.running.begin(fence, held.engine):
            return
        try:
            with runtime.road.answering(job, held.deployment, held.label) as attempt:
                _finish(runtime, held, job, attempt, begun)
        finally:
            runtime.running.end(fence)
        if job.session_id is not None:
            _release(runtime, fence)
        if runtime.bounded:
            _make_way(runtime, held, job)


def _answered(runtime: Runtime, held: Held, job: Claimed, attempt: Attempt) -> EngineAnswer:
    """Raises what the engine's future ends with, and TimeoutError at the job's deadline."""
    voice = Voice(runtime.outbox, str(job.fence.job_id), job.fence.attempt)
    end = None if job.seconds_left is None else monotonic() + job.seconds_left

    def request(given: Any) -> EngineRequest:
        return EngineRequest(
            request_id(job.fence),
            given,
            job.parameters,
            job.seed,
            scope=str(job.tenant_id),
            trace=asking.context,
        )

    given = inputs(runtime.database, held.task, job.input, job.session_id, job.fence.job_id)
    with attempt.asking(held.task, held.engine.name) as asking:
        answer = ask(held.engine, given, request, voice, end=end)
        asking.answered(answer)
    return answer


def _release(runtime: Runtime, fence: Fence) -> None:
    """The next job of the session may run; should this be lost, the sweep finds it."""
    with runtime.database.each() as connection:
        version = release(connection, fence.job_id)
    if version is not None:
        runtime.nudge(Answer(str(version), str(fence.job_id)))


def _make_way(runtime: Runtime, held: Held, job: Claimed) -> None:
    """What a bounded tenant has waiting for other versions may run now; should this be lost, the sweep finds it."""
    with runtime.database.each() as connection:
        versions = bounded.elsewhere(connection, job.tenant_id, held.version_id)
    for version in versions:
        runtime.nudge(Answer(str(version), str(job.fence.job_id)))


def _finish(runtime: Runtime, held: Held, job: Claimed, attempt: Attempt, begun: float) -> None:
    fence = job.fence
    try:
        answer = _answered(runtime, held, job, attempt)
    except TimeoutError:
        held.engine.cancel(request_id(fence))
        _fail(runtime, held, fence, EXPIRED, attempt)
    except Cancelled as error:
        attempt.ended(JobState.CANCELLED, error.code)
        log.info("job.stopped")  # whoever cancelled it, or took it away, has written the row
    except MainspringError as error:
        if error.retryable:
            lost = not isinstance(error, EngineStopping)
            attempt.ended(JobState.QUEUED, error.code)
            runtime.give_back(fence, lost=lost)
            runtime.meters.given_back(held.labels, lost=lost)
        else:
            _fail(runtime, held, fence, error, attempt)
    else:
        if _write(runtime, fence, answer, None, attempt):
            runtime.meters.answered(held.labels, job.queue_seconds, monotonic() - begun, answer)


def _fail(runtime: Runtime, held: Held, fence: Fence, error: MainspringError, attempt: Attempt) -> None:
    if _write(runtime, fence, None, error, attempt):
        runtime.meters.failed(held.labels, error)


def _write(
    runtime: Runtime,
    fence: Fence,
    answer: EngineAnswer | None,
    error: MainspringError | None,
    attempt: Attempt,
) -> bool:
    """False: the fence refused."""

    def statement() -> bool:
        with runtime.database.each() as connection:
            if answer is not None:
                return finish.succeed(connection, fence, answer)
            assert error is not None
            return finish.fail(connection, fence, error) is not None

    attempt.ended(finish.state(error), None if error is None else error.code)
    with attempt.finishing():
        held = persist(statement, runtime.settings.lease_seconds)
    # Told also when the fence refused: the first commit may have succeeded just before its connection broke.
    runtime.outbox.ended(str(fence.job_id))
    if held:
        log.info("job.ended", code=None if error is None else error.code)
    else:
        log.warning("job.fenced")
    return held
