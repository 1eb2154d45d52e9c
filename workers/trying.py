"""Trials: answers that no client sees, behind all that clients wait for.

One at a time a process. While jobs run beside it, one for each message, which beat sends every second; while a version
here has all its slots taken, one every few seconds, so that a rollout goes on whatever the load; else until none waits.
"""

from time import monotonic
from uuid import UUID

import structlog

from mainspring.errors import DeadlinePassed, MainspringError
from mainspring.logs import log
from mainspring.serving.engine import EngineRequest
from mainspring.trials import running as trials
from workers.asking import ask, inputs
from workers.held import Held
from workers.persist import persist
from workers.runtime import Runtime

LONGEST_SECONDS = 600.0
PATIENCE_SECONDS = 5.0  # between two trials beside jobs that have all slots


def try_out(runtime: Runtime, version_id: UUID) -> None:
    """Answer what waits for this version to be tried."""
    held = runtime.holder.find(version_id)
    if held is None or not runtime.trial.acquire(blocking=False):
        return
    try:
        while _free(runtime, held) and (taken := _take(runtime, held)) is not None:
            _try(runtime, held, taken)
            if any(one.slots.busy for one in runtime.holder.all()):
                return
    finally:
        runtime.trial.release()


def _free(runtime: Runtime, held: Held) -> bool:
    if runtime.stopping or runtime.paused or not held.ready:
        return False
    full = any(one.slots.busy >= one.slots.capacity for one in runtime.holder.all())
    return not full or monotonic() > runtime.tried_at + PATIENCE_SECONDS


def _take(runtime: Runtime, held: Held) -> trials.Taken | None:
    with runtime.database.transaction() as session:
        return trials.take(session, held.version_id, runtime.life.incarnation)


def _try(runtime: Runtime, held: Held, taken: trials.Taken) -> None:
    incarnation = runtime.life.incarnation
    with structlog.contextvars.bound_contextvars(trial=str(taken.id), version=held.label):
        end = _answered(runtime, held, taken)

        def written() -> bool:
            with runtime.database.transaction() as session:
                return trials.finish(session, taken.id, incarnation, end)

        persist(written, runtime.settings.lease_seconds)
        runtime.tried_at = monotonic()
        log.info("trial.ended", code=end.code if isinstance(end, MainspringError) else None)


def _answered(runtime: Runtime, held: Held, taken: trials.Taken) -> trials.Answered | MainspringError:
    name = f"trial {taken.id}"

    def request(given: object) -> EngineRequest:
        return EngineRequest(name, given, taken.parameters, taken.seed, scope=taken.scope)

    given = inputs(runtime.database, held.task, taken.input, taken.session_id, taken.job_id)
    try:
        found = ask(held.engine, given, request, end=monotonic() + LONGEST_SECONDS)
    except TimeoutError:
        held.engine.cancel(name)
        return DeadlinePassed(f"it was not answered within {LONGEST_SECONDS:.0f} seconds")
    except MainspringError as error:
        return error
    return trials.Answered(
        found.output, found.usage, found.first_token_seconds, found.engine_seconds, found.mean_logprob
    )
