"""Evaluations that a person asked for get their verdict, too: those of a refresh it has judged itself."""

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mainspring.logs import log
from mainspring.refresh.evaluating import judge
from mainspring.tables import Evaluation, Refresh, Verdict, WorkState

MOST = 20  # in a round

_UNJUDGED = (
    Evaluation.state == WorkState.SUCCEEDED.value,
    ~exists().where(Verdict.evaluation_id == Evaluation.id),
    ~exists().where(Refresh.evaluation_id == Evaluation.id, Refresh.ended_at.is_(None)),
)


def unjudged(session: Session) -> list[UUID]:
    """The oldest first."""
    found = select(Evaluation.id).where(*_UNJUDGED).order_by(Evaluation.id).limit(MOST)
    return list(session.scalars(found))


def judge_one(session: Session, evaluation_id: UUID) -> bool:
    """False: somebody else has judged it or does so now, or the gate cannot read its policy or its results."""
    evaluation = session.scalar(
        select(Evaluation)
        .where(Evaluation.id == evaluation_id, *_UNJUDGED)
        .with_for_update(of=Evaluation, skip_locked=True)
    )
    if evaluation is None:
        return False
    try:
        judge(session, evaluation)
    except (KeyError, TypeError, ValueError) as error:  # a policy or results that another release has written
        log.error("evaluation.unreadable", evaluation=str(evaluation_id), error=type(error).__name__)
        return False
    return True
