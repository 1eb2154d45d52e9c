"""What the rows say of a rollout: who was drawn where, and what went wrong. Counted anew at each look."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Double,
    case,
    cast,
    distinct,
    exists,
    false,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.orm import Session

from mainspring.release.holdable import why_refused, words
from mainspring.release.judge import SLOW, Count, Moment
from mainspring.settings import Environment
from mainspring.tables import (
    Evaluation,
    Feedback,
    FeedbackKind,
    Job,
    JobState,
    Judgement,
    Observation,
    Rollout,
    Verdict,
)

_REFERENCE = 500  # of the champion's latest answers
_ENOUGH = 50  # of them, to say what is slow and what is unlikely
MOMENT_SECONDS = 5
_UNIT = func.coalesce(Job.session_id, Job.id)
_SECONDS = Observation.total_seconds - Observation.queue_seconds
_SAID = func.lower(Feedback.value.op("#>>")(literal_column("'{}'")))  # as text, without its quotes
# By kind, since a rating alone is a number. What was true is compared with the label that was answered, if one was.
_DISLIKES = case(
    (Feedback.kind == FeedbackKind.CORRECTION.value, true()),
    (Feedback.kind == FeedbackKind.RATING.value, cast(Feedback.value, Double) < 0),
    (Feedback.kind == FeedbackKind.LABEL.value, func.lower(Job.output["label"].astext) != _SAID),
    else_=false(),
)


def thresholds(session: Session, rollout: Rollout) -> dict[str, float | None]:
    """`slow`, in seconds of answering, and `unlikely`, in nats a token (or a label that was chosen), as nine of ten of the
    champion's answers were not.

    None: too few answers to say. What the gate has measured beside this champion is not unlikely for sounding less sure:
    there the truth was known. They are taken once, before the first draw: a threshold that moved with what it judges
    would make the odds unfair.
    """
    latest = (
        select(_SECONDS.label("seconds"), Observation.mean_logprob)
        .where(Observation.version_id == rollout.champion_id, Observation.state == JobState.SUCCEEDED.value)
        .order_by(Observation.at.desc())
        .limit(_REFERENCE)
        .subquery()
    )
    found = session.execute(
        select(
            func.count(latest.c.seconds),
            func.percentile_cont(0.9).within_group(latest.c.seconds),
            func.count(latest.c.mean_logprob),
            func.percentile_cont(0.1).within_group(latest.c.mean_logprob),
        )
    ).one()
    timed, slow, likely, unlikely = found
    return {
        "slow": float(slow) if timed >= _ENOUGH else None,
        "unlikely": float(unlikely) if likely >= _ENOUGH and not _measured(session, rollout) else None,
    }


def _measured(session: Session, rollout: Rollout) -> bool:
    """Whether the gate has seen both, and did not refuse the challenger."""
    beside = select(Verdict.id).join(Evaluation, Evaluation.id == Verdict.evaluation_id)
    passed = beside.where(
        Evaluation.challenger_id == rollout.challenger_id,
        Evaluation.champion_id == rollout.champion_id,
        Verdict.decision != Judgement.REJECT.value,
    )
    return session.scalar(passed.limit(1)) is not None


def counts(session: Session, rollout: Rollout, limits: dict[str, Any]) -> list[Count]:
    """A session counts once for each trouble, however often it had it: its jobs are not independent of each other."""
    challenger = (Job.version_id == rollout.challenger_id).label("challenger")
    troubles: dict[str, ColumnElement[bool]] = {
        "failed": Job.state.in_([JobState.FAILED.value, JobState.EXPIRED.value]),
        "blocked": Job.state == JobState.BLOCKED.value,
        "disliked": exists().where(Feedback.job_id == Job.id, _DISLIKES),
    }
    if limits.get("unlikely") is not None:
        troubles["unlikely"] = Observation.mean_logprob < limits["unlikely"]
    columns = [func.count(distinct(_UNIT)).filter(what).label(name) for name, what in troubles.items()]
    rows = session.execute(
        select(Job.share, challenger, func.count(distinct(_UNIT)).label("units"), *columns)
        .outerjoin(Observation, Observation.job_id == Job.id)
        .where(*_ended(rollout))
        .group_by(Job.share, challenger)
    )
    return [
        Count(row.share, row.challenger, row.units, {name: getattr(row, name) for name in troubles})
        for row in rows
    ]


def slowness(session: Session, rollout: Rollout, limits: dict[str, Any]) -> list[Moment]:
    """Moments in which something was slow, those that look the same together. A session belongs to that of its first job."""
    if limits.get(SLOW) is None:
        return []
    units = (
        select(
            Job.share,
            (Job.version_id == rollout.challenger_id).label("challenger"),
            func.div(func.extract("epoch", func.min(Job.created_at)), MOMENT_SECONDS).label("moment"),
            func.coalesce(func.bool_or(limits[SLOW] < _SECONDS), false()).label("slow"),
        )
        .outerjoin(Observation, Observation.job_id == Job.id)
        .where(*_ended(rollout))
        .group_by(Job.share, "challenger", _UNIT)
        .subquery()
    )
    slow = func.count().filter(units.c.slow)
    its = func.count().filter(units.c.slow, units.c.challenger)
    moments = (
        select(units.c.share, func.count().label("units"), its.label("its"), (slow - its).label("others"))
        .group_by(units.c.share, units.c.moment)
        .having(slow > 0)
        .subquery()
    )
    rows = session.execute(select(*moments.c, func.count().label("times")).group_by(*moments.c))
    return [Moment(row.share, row.units, row.its, row.others, row.times) for row in rows]


def _ended(rollout: Rollout) -> tuple[ColumnElement[bool], ...]:
    return (
        Job.rollout_id == rollout.id,
        Job.finished_at.is_not(None),
        Job.state != JobState.CANCELLED.value,
    )


def held(
    session: Session, version_id: UUID, environment: Environment = Environment.PRODUCTION
) -> tuple[int, list[str]]:
    """How many live workers of the environment have loaded the version; and why they cannot, if each of them has said so."""
    said = words(session, version_id, environment)
    return sum(word.state == "ready" for word in said), why_refused(said)
