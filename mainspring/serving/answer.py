"""Finish a job under its fence and leave its observation, in one statement: an attempt that lost its job changes
nothing."""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Double, Integer, Numeric, String, bindparam, cast, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.sql import ColumnElement

from mainspring.errors import AttemptsExhausted, DeadlinePassed, MainspringError
from mainspring.serving.claim import HOLDS, Fence, hand_back
from mainspring.serving.ending import ending
from mainspring.serving.engine import EngineAnswer
from mainspring.tables import Job, JobState, Observation


class SetBack(NamedTuple):
    """Where a job went that its attempt could not finish."""

    state: JobState
    version_id: UUID


def _rounded(seconds: Any) -> ColumnElement[Any]:
    return func.round(cast(seconds, Numeric), 4)


_QUEUE: ColumnElement[Any] = func.extract("epoch", Job.started_at - Job.created_at)
_ENDED = (
    update(Job)
    .where(*HOLDS)
    .values(
        state=bindparam("to_state"),
        incarnation=None,
        finished_at=func.clock_timestamp(),
        output=bindparam("to_output"),
        usage=bindparam("to_usage"),
        error=bindparam("to_error"),
        # Seconds. `queue`: acceptance to this attempt. `first_token` and `total`: from acceptance.
        timings=func.jsonb_build_object(
            "queue",
            _rounded(_QUEUE),
            "first_token",
            _rounded(_QUEUE + bindparam("first_token", type_=Double)),
            "engine",
            _rounded(bindparam("engine", type_=Double)),
            "total",
            _rounded(func.extract("epoch", func.clock_timestamp() - Job.created_at)),
        ),
    )
    .returning(Job.id, Job.version_id, Job.state, Job.timings, Job.finished_at)
    .cte("ended")
)
# No text: what is measured of a job stays when its words are gone.
_OBSERVED = {
    "job_id": _ENDED.c.id,
    "version_id": _ENDED.c.version_id,
    "state": _ENDED.c.state,
    "finish_reason": bindparam("finish_reason", type_=String),
    "prompt_tokens": bindparam("prompt_tokens", type_=Integer),
    "completion_tokens": bindparam("completion_tokens", type_=Integer),
    "mean_logprob": bindparam("mean_logprob", type_=Double),
    "queue_seconds": _ENDED.c.timings["queue"].as_float(),
    "first_token_seconds": _ENDED.c.timings["first_token"].as_float(),
    "total_seconds": _ENDED.c.timings["total"].as_float(),
    "measures": bindparam("measures", type_=JSONB),
    "at": _ENDED.c.finished_at,
}
_END = select(_ENDED.c.version_id).add_cte(
    insert(Observation)
    .from_select(list(_OBSERVED), select(*_OBSERVED.values()), include_defaults=False)
    .on_conflict_do_nothing()
    .cte("observed")
)
_NOTHING: dict[str, Any] = {
    "to_output": None,
    "to_usage": None,
    "to_error": None,
    "first_token": None,
    "engine": None,
    "finish_reason": None,
    "prompt_tokens": None,
    "completion_tokens": None,
    "mean_logprob": None,
    "measures": {},
}
_LOSSES = select(Job.losses, Job.evidence).where(*HOLDS).with_for_update()
EXPIRED = DeadlinePassed(
    "the deadline passed before the answer was whole", remedy="Give it more time, or a higher priority."
)


def exhausted(losses: int) -> AttemptsExhausted:
    """A job that took down whoever ran it is parked."""
    return AttemptsExhausted(
        f"{losses} attempts were lost while they held this job",
        remedy="See `evidence`, and the infer worker's log around it; submit a smaller or different input.",
    )


def witnessed(attempt: int, incarnation: UUID, cause: str) -> dict[str, Any]:
    """One lost attempt, as evidence."""
    return {"attempt": attempt, "worker": str(incarnation), "cause": cause}


def succeed(connection: Connection, fence: Fence, answer: EngineAnswer) -> bool:
    """False: the fence refused."""
    output = answer.output if isinstance(answer.output, dict) else {}
    values = {
        "to_state": JobState.SUCCEEDED.value,
        "to_output": answer.output,
        "to_usage": answer.usage,
        "first_token": answer.first_token_seconds,
        "engine": answer.engine_seconds,
        "finish_reason": output.get("finish_reason"),
        "prompt_tokens": answer.usage.get("prompt_tokens"),
        "completion_tokens": answer.usage.get("completion_tokens"),
        "mean_logprob": answer.mean_logprob,
        "measures": answer.measures,
    }
    return _end(connection, fence, values) is not None


def fail(connection: Connection, fence: Fence, error: MainspringError) -> UUID | None:
    """Whose version's job it was; None: the fence refused. A job whose deadline passed is expired, not failed."""
    return _end(connection, fence, {"to_state": state(error).value, "to_error": error.as_json()})


def state(error: MainspringError | None) -> JobState:
    """In which a job ends whose answer is there (None), or never will be."""
    if error is None:
        return JobState.SUCCEEDED
    return JobState.EXPIRED if isinstance(error, DeadlinePassed) else JobState.FAILED


def set_back(
    connection: Connection, fence: Fence, *, lost: bool, max_losses: int, cause: str = ""
) -> SetBack | None:
    """Queue it again, or fail it when this was one loss too many. None: the fence refused.

    `cause`: what took the attempt down, kept as evidence when it was lost.
    """
    row = connection.execute(_LOSSES, fence.values()).first()
    if row is None:
        return None
    evidence = [witnessed(fence.attempt, fence.incarnation, cause)] if lost else []
    if lost and row.losses + 1 >= max_losses:
        error = exhausted(row.losses + 1).as_json() | {"evidence": row.evidence + evidence}
        version = _end(connection, fence, {"to_state": JobState.FAILED.value, "to_error": error})
        return None if version is None else SetBack(JobState.FAILED, version)
    version = hand_back(connection, fence, lost=lost, evidence=evidence)
    return None if version is None else SetBack(JobState.QUEUED, version)


def _end(connection: Connection, fence: Fence, values: dict[str, Any]) -> UUID | None:
    rows = ending(connection, _END, {**_NOTHING, **values, **fence.values()})
    return rows[0].version_id if rows else None
