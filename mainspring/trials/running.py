"""A trial's life: taken by one worker, finished by the same, or waiting again when that worker was lost."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.orm import Session

from mainspring.errors import EngineStopping, MainspringError
from mainspring.tables import Incarnation, Job, Prompt, Trial, TrialState
from mainspring.trials.agreement import agreement, right

MOST_LOSSES = 3
_LOST = {"code": "lost", "detail": "its worker was lost with it"}


@dataclass(frozen=True)
class Taken:
    """What a worker has to know. `job_id` and `session_id`: whose conversation it belongs to, as far as it goes."""

    id: UUID
    input: Any
    parameters: dict[str, Any]
    seed: int
    scope: str
    job_id: UUID | None
    session_id: UUID | None


@dataclass(frozen=True)
class Answered:
    """Times in seconds, log-probability in nats a token."""

    output: Any
    usage: dict[str, int]
    first_token_seconds: float | None
    engine_seconds: float
    mean_logprob: float | None


def take(session: Session, version_id: UUID, incarnation: UUID) -> Taken | None:
    """The oldest that waits for the version. None: there is none, or this life's lease is over.

    A worker tries one at a time, so what it still holds was dropped on the way, and waits again.
    """
    _lose(session, Trial.incarnation == incarnation)
    alive = session.scalar(
        select(Incarnation.id).where(
            Incarnation.id == incarnation,
            Incarnation.ended_at.is_(None),
            Incarnation.lease_until > func.now(),
        )
    )
    trial = session.scalar(
        select(Trial)
        .where(Trial.version_id == version_id, Trial.state == TrialState.WAITING.value)
        .order_by(Trial.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if alive is None or trial is None:
        return None
    trial.state, trial.incarnation = TrialState.RUNNING.value, incarnation
    if trial.job_id is not None:
        job = session.get_one(Job, trial.job_id)
        return Taken(
            trial.id, job.input, job.parameters, job.seed, str(job.tenant_id), job.id, job.session_id
        )
    assert trial.prompt_id is not None
    prompt = session.get_one(Prompt, trial.prompt_id)
    seed = int(prompt.parameters.get("seed", prompt.position))
    return Taken(trial.id, prompt.input, prompt.parameters, seed, "", None, None)


def finish(session: Session, trial_id: UUID, incarnation: UUID, end: Answered | MainspringError) -> bool:
    """False: it is not this worker's any more."""
    trial = session.scalar(
        select(Trial)
        .where(
            Trial.id == trial_id,
            Trial.state == TrialState.RUNNING.value,
            Trial.incarnation == incarnation,
        )
        .with_for_update()
    )
    if trial is None:
        return False
    now = session.scalars(select(func.clock_timestamp())).one()
    if isinstance(end, MainspringError):
        trial.losses += end.retryable and not isinstance(end, EngineStopping)
        if end.retryable and trial.losses < MOST_LOSSES:
            trial.state, trial.incarnation = TrialState.WAITING.value, None
            return True
        trial.error = end.as_json()
    else:
        said = _compared(session, trial, end.output)
        trial.output, trial.usage, (trial.agreement, trial.right) = end.output, dict(end.usage), said
        trial.first_token_seconds, trial.engine_seconds = end.first_token_seconds, end.engine_seconds
        trial.mean_logprob = end.mean_logprob
    trial.state = (TrialState.DONE if trial.error is None else TrialState.FAILED).value
    trial.incarnation, trial.finished_at = None, now
    return True


def requeue_lost(session: Session) -> int:
    """What workers held whose lives are over waits again, or has failed with them too often: how many."""
    over = select(Incarnation.id).where(Incarnation.ended_at.is_not(None))
    return _lose(session, Trial.incarnation.in_(over))


def _lose(session: Session, whose: ColumnElement[bool]) -> int:
    enough = Trial.losses + 1 >= MOST_LOSSES
    lost = session.execute(
        update(Trial)
        .where(Trial.state == TrialState.RUNNING.value, whose)
        .values(
            state=case((enough, TrialState.FAILED.value), else_=TrialState.WAITING.value),
            incarnation=None,
            losses=Trial.losses + 1,
            error=case((enough, func.jsonb_build_object(*sum(_LOST.items(), ()))), else_=None),
            finished_at=case((enough, func.clock_timestamp()), else_=None),
        )
        .returning(Trial.id)
    ).all()
    return len(lost)


def _compared(session: Session, trial: Trial, output: Any) -> tuple[float | None, bool | None]:
    """How far it agrees with what the job was answered with, and whether it is what the prompt expects."""
    if trial.job_id is not None:
        lived = session.get_one(Job, trial.job_id).output
        return None if lived is None else agreement(lived, output), None
    assert trial.prompt_id is not None
    return None, right(output, session.get_one(Prompt, trial.prompt_id).expected)
