"""Trials that have ended, beside what they are compared with."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, case, func, select
from sqlalchemy.orm import Bundle, Session, aliased, load_only

from mainspring.tables import Job, JobState, Observation, Prompt, PromptSet, Trial, TrialState

_FAILED = and_(Trial.state == TrialState.FAILED.value, Job.state == JobState.FAILED.value)
# What only one of them answered has nothing in common, and what neither did is no difference.
_ALIKE = func.coalesce(Trial.agreement, case((_FAILED, 1.0), else_=0.0))
_ENDED = Trial.state.in_([TrialState.DONE.value, TrialState.FAILED.value])
# What is measured: what was said is long, and thousands of trials are looked at together.
_TRIED: Bundle[Any] = Bundle(
    "trial",
    Trial.state,
    Trial.usage,
    Trial.engine_seconds,
    Trial.mean_logprob,
    Trial.right,
    Trial.agreement,
)
_LIVED: Bundle[Any] = Bundle(
    "seen",
    Observation.state,
    Observation.completion_tokens,
    Observation.queue_seconds,
    Observation.total_seconds,
    Observation.mean_logprob,
)


def beside_jobs(session: Session, most: int, *conditions: ColumnElement[bool]) -> list[Row[Any, Any]]:
    """The latest (trial, seen): what was measured of it, and of the job's own answer."""
    asked = (
        select(_TRIED, _LIVED)
        .join(Observation, Observation.job_id == Trial.job_id)
        .where(_ENDED, *conditions)
        .order_by(Trial.id.desc())
        .limit(most)
    )
    return list(session.execute(asked))


def most_different(
    session: Session, tenant: UUID, most: int, *conditions: ColumnElement[bool]
) -> list[tuple[float, Trial, Job]]:
    """Those of a tenant's own jobs that agree least come first, with how far they do; jobs without what nobody needs."""
    asked = (
        select(_ALIKE, Trial, Job)
        .join_from(Trial, Job, Job.id == Trial.job_id)
        .join(Observation, Observation.job_id == Job.id)
        .where(_ENDED, Job.tenant_id == tenant, *conditions)
        .order_by(_ALIKE, Trial.id.desc())
        .limit(most)
        .options(load_only(Job.input, Job.output, Job.error))
    )
    return [(row[0], row[1], row[2]) for row in session.execute(asked)]


def of_prompts(
    session: Session, wanted: PromptSet, first: UUID, second: UUID
) -> tuple[list[tuple[Prompt, Trial, Trial]], int]:
    """In the order of the prompts, what both versions made of them; and how many not both have ended."""
    one, other = aliased(Trial), aliased(Trial)
    rows: list[Any] = list(
        session.execute(
            select(Prompt, one, other)
            .outerjoin(one, (one.prompt_id == Prompt.id) & (one.version_id == first))
            .outerjoin(other, (other.prompt_id == Prompt.id) & (other.version_id == second))
            .where(Prompt.set_id == wanted.id)
            .order_by(Prompt.position)
        )
    )
    ended = [
        (row[0], row[1], row[2]) for row in rows if all(each is not None and each.ended for each in row[1:])
    ]
    return ended, len(rows) - len(ended)
