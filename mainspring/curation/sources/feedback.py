"""What people said of answers: the right answer, which of two was the better one, what the label is.

Of the same job and kind, the newest counts. An answer is well rated from 0.5 on, badly from -0.5 down (of -1 to 1).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select

from mainspring.curation.found import Found
from mainspring.curation.hashing import number_of
from mainspring.curation.plan import Feedback as Wish
from mainspring.curation.rows import Kind, Message, Origin, Row
from mainspring.curation.sources import asked
from mainspring.curation.sources.jobs import AT_A_TIME, Wanted, earliest, jobs
from mainspring.curation.surroundings import Surroundings
from mainspring.tables import Feedback, FeedbackKind, Job
from mainspring.terms import Task

GOOD, BAD = 0.5, -0.5
_TOLD = tuple(kind.value for kind in (FeedbackKind.RATING, FeedbackKind.CORRECTION, FeedbackKind.LABEL))
_ONE_TEXT = frozenset({Task.TRANSLATION, Task.SUMMARIZATION})
_CONVERSES = frozenset({Task.TEXT_GENERATION, Task.QUESTION_ANSWERING})

Said = dict[str, Any]  # by kind


def rows(wish: Wish, around: Surroundings) -> Iterator[Found]:
    """Of all tasks' answers that are texts or a label."""
    if around.task is Task.TEXT_CLASSIFICATION:
        for job, said in _told(wish, around):
            yield from _labelled(job, said, wish.basis)
    elif around.task in _ONE_TEXT:
        for job, said in _told(wish, around):
            yield from _turned(job, said, wish.basis)
    elif around.task in _CONVERSES:
        rated = _Rated(wish.basis)
        for job, said in _told(wish, around):
            yield from _conversed(job, said, wish.basis)
            yield from rated.pairs(job, said)


def _told(wish: Wish, around: Surroundings) -> Iterator[tuple[Any, Said]]:
    """Jobs with the newest of each kind that was said of them, in the order in which they were accepted."""
    rule = Feedback.kind.in_(_TOLD) & (Feedback.created_at <= around.now)
    if (after := earliest(around, wish.days)) is not None:
        rule &= Feedback.created_at >= after
    about = exists().where(Feedback.job_id == Job.id, rule)
    some: list[Any] = []
    for job in jobs(around, Wanted(wish.basis, also=about)):
        some.append(job)
        if len(some) == AT_A_TIME:
            yield from _with_what_was_said(some, rule, around)
            some = []
    if some:
        yield from _with_what_was_said(some, rule, around)


def _with_what_was_said(
    some: list[Any], rule: ColumnElement[bool], around: Surroundings
) -> Iterator[tuple[Any, Said]]:
    said: dict[UUID, Said] = {job.id: {} for job in some}
    statement = (
        select(Feedback.job_id, Feedback.kind, Feedback.value)
        .where(Feedback.job_id.in_(said), rule)
        .order_by(Feedback.created_at, Feedback.id)
    )
    with around.database.begin() as connection:
        for one in connection.execute(statement):
            said[one.job_id][one.kind] = one.value
    for job in some:
        yield job, said[job.id]


def _labelled(job: Any, said: Said, basis: str) -> Iterator[Row]:
    """A correction of a label is a label; a well-rated answer has the right one."""
    told = said.get(FeedbackKind.LABEL, said.get(FeedbackKind.CORRECTION))
    label = told if told is not None else asked.label(job.output) if _good(said) else None
    if label is not None and isinstance(job.input, str):
        yield Row(
            Kind.LABELLED,
            Origin.FEEDBACK,
            f"job:{job.id}",
            asked.group(job),
            text=job.input,
            label=str(label),
            basis=basis,
        )


def _turned(job: Any, said: Said, basis: str) -> Iterator[Row]:
    target = said.get(FeedbackKind.CORRECTION) or (asked.answer(job.output) if _good(said) else None)
    if target and isinstance(job.input, str):
        yield Row(
            Kind.TEXT,
            Origin.FEEDBACK,
            f"job:{job.id}",
            asked.group(job),
            text=job.input,
            target=target,
            basis=basis,
        )


def _conversed(job: Any, said: Said, basis: str) -> Iterator[Row]:
    """A correction is an answer to learn, and better than the one that was given."""
    messages, given = asked.conversation(job.input), asked.answer(job.output)
    corrected = said.get(FeedbackKind.CORRECTION)
    right = corrected or (given if _good(said) else None)
    if not messages or not right:
        return
    where = (f"job:{job.id}", asked.group(job))
    answered = (*messages, Message("assistant", right))
    yield Row(Kind.CHAT, Origin.FEEDBACK, *where, messages=answered, basis=basis)
    if corrected and given and corrected != given:
        yield Row(
            Kind.PREFERENCE,
            Origin.FEEDBACK,
            *where,
            messages=messages,
            chosen=corrected,
            rejected=given,
            basis=basis,
        )


@dataclass
class _Rated:
    """Answers to the same question that wait for one which was rated the other way; of each question and side the last."""

    basis: str
    waiting: dict[tuple[int, bool], tuple[str, str]] = field(default_factory=dict)  # answer, group

    def pairs(self, job: Any, said: Said) -> Iterator[Row]:
        rating = said.get(FeedbackKind.RATING)
        messages, given = asked.conversation(job.input), asked.answer(job.output)
        if rating is None or not messages or given is None or BAD < rating < GOOD:
            return
        question, good = number_of(repr(messages)), rating >= GOOD
        self.waiting[question, good] = (given, asked.group(job))
        other = self.waiting.pop((question, not good), None)
        if other is None or other[0] == given:
            return
        del self.waiting[question, good]
        chosen, rejected = (given, other[0]) if good else (other[0], given)
        yield Row(
            Kind.PREFERENCE,
            Origin.FEEDBACK,
            f"job:{job.id}",
            min(asked.group(job), other[1]),
            messages=messages,
            chosen=chosen,
            rejected=rejected,
            basis=self.basis,
        )


def _good(said: Said) -> bool:
    return float(said.get(FeedbackKind.RATING, 0)) >= GOOD
