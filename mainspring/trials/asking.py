"""Which trials there shall be: a sample of the jobs that others have answered, and the prompts of a set.

All of it happens after the answers, and never more wait than a worker can soon try: clients feel nothing of it.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, Integer, String, cast, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.identifiers import uuid7
from mainspring.tables import (
    JobState,
    Observation,
    Prompt,
    PromptSet,
    Rollout,
    Stage,
    Trial,
    TrialState,
    Version,
)

MOST_WAITING = 32  # of a version
_ANSWERED = Observation.state.in_([JobState.SUCCEEDED.value, JobState.FAILED.value])
_DRAWN = 1 << 20  # that many equally likely classes of jobs


def shadow(session: Session, rollout: Rollout, share: float) -> int:
    """Ask its challenger for a share of what the champion has answered since it began: how many were added.

    Whether a job is in the sample depends on its id alone, however often it is looked at.
    """
    hashed = func.hashtext(cast(Observation.job_id, String), type_=Integer)
    drawn = hashed.bitwise_and(_DRAWN - 1) < int(share * _DRAWN)
    return _ask(session, rollout, MOST_WAITING, Observation.at > rollout.step_at, drawn)


def replay(session: Session, rollout: Rollout, count: int) -> int:
    """Ask its challenger for the latest jobs that the champion had answered before."""
    asked = (
        select(func.count())
        .join_from(Trial, Observation, Observation.job_id == Trial.job_id)
        .where(Trial.rollout_id == rollout.id, Observation.at <= rollout.step_at)
    )
    left = count - session.scalars(asked).one()
    return _ask(session, rollout, left, Observation.at <= rollout.step_at) if left > 0 else 0


def prompts(session: Session, version: Version, wanted: PromptSet) -> int:
    """Ask a version for the prompts of a set that it has not been asked for: how many were added."""
    tried = select(Trial.prompt_id).where(Trial.version_id == version.id, Trial.prompt_id.is_not(None))
    missing = session.scalars(
        select(Prompt.id).where(Prompt.set_id == wanted.id, Prompt.id.not_in(tried)).order_by(Prompt.position)
    ).all()
    return _add(session, [_row(version.id, None, prompt_id=one) for one in missing])


def unfinished(session: Session) -> dict[UUID, int]:
    """By version, of those whose workers are to be nudged: also where one runs, which its worker may have dropped."""
    rows = session.execute(
        select(Trial.version_id, func.count())
        .where(Trial.state.in_([TrialState.WAITING.value, TrialState.RUNNING.value]))
        .group_by(Trial.version_id)
    )
    return {row[0]: row[1] for row in rows}


def drop_unwanted(session: Session) -> None:
    """What still waits for a version that has left, or for a rollout that is over: nobody wants to know it any more."""
    left = select(Version.id).where(Version.stage.in_([Stage.RETIRED.value, Stage.REJECTED.value]))
    over = select(Rollout.id).where(Rollout.ended_at.is_not(None))
    session.execute(
        delete(Trial).where(
            Trial.state == TrialState.WAITING.value,
            or_(Trial.version_id.in_(left), Trial.rollout_id.in_(over)),
        )
    )


def _ask(session: Session, rollout: Rollout, most: int, *conditions: ColumnElement[bool]) -> int:
    """Of the latest that were not asked for yet, as many as may wait."""
    room = min(most, MOST_WAITING - unfinished(session).get(rollout.challenger_id, 0))
    if room <= 0:
        return 0
    tried = exists().where(Trial.version_id == rollout.challenger_id, Trial.job_id == Observation.job_id)
    found = session.scalars(
        select(Observation.job_id)
        .where(Observation.version_id == rollout.champion_id, _ANSWERED, ~tried, *conditions)
        .order_by(Observation.at.desc())
        .limit(room)
    ).all()
    return _add(session, [_row(rollout.challenger_id, rollout.id, job_id=one) for one in found])


def _row(version_id: UUID, rollout_id: UUID | None, **source: UUID) -> dict[str, UUID | None]:
    return {"id": uuid7(), "version_id": version_id, "rollout_id": rollout_id, **source}


def _add(session: Session, rows: list[dict[str, UUID | None]]) -> int:
    if not rows:
        return 0
    added = session.execute(insert(Trial).values(rows).on_conflict_do_nothing().returning(Trial.id)).all()
    return len(added)
