"""The deployment's answered jobs that may be learned from, some at a time, so that no transaction stays open for long."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, select

from mainspring.curation.plan import CONSENT
from mainspring.curation.surroundings import Surroundings
from mainspring.tables import Job, JobState

TRAINING_CONSENT = "training_consent"  # in a job's metadata: `true` or `false`
AT_A_TIME = 1000
_COLUMNS = (Job.id, Job.input, Job.output, Job.session_id, Job.subject)
_NONE = UUID(int=0)


@dataclass(frozen=True)
class Wanted:
    """`after`, `before`: when they were asked; `most`: the newest so many; `also`: what else has to hold."""

    basis: str
    after: datetime | None = None
    most: int | None = None
    also: ColumnElement[bool] | None = None


def jobs(around: Surroundings, wanted: Wanted) -> Iterator[Row[Any]]:
    """id, input, output, session_id and subject, in the order in which they were accepted."""
    rule = _rule(around, wanted)
    with around.database.begin() as connection:
        last = connection.scalar(_first(rule, wanted.most)) if wanted.most else _NONE
    if last is None:
        last = _NONE
    elif wanted.most:
        last = UUID(int=last.int - 1)
    while True:
        page = select(*_COLUMNS).where(rule, Job.id > last).order_by(Job.id).limit(AT_A_TIME)
        with around.database.begin() as connection:
            found = connection.execute(page).all()
        yield from found
        if len(found) < AT_A_TIME:
            return
        last = found[-1].id


def earliest(around: Surroundings, days: float | None, since: datetime | None = None) -> datetime | None:
    """The later of the two."""
    of_days = None if days is None else around.now - timedelta(days=days)
    return max((one for one in (of_days, since) if one is not None), default=None)


def _rule(around: Surroundings, wanted: Wanted) -> ColumnElement[bool]:
    rules = [
        Job.deployment == around.deployment,
        Job.state == JobState.SUCCEEDED.value,
        Job.created_at <= around.now,
        _allowed(wanted.basis),
    ]
    if wanted.after is not None:
        rules.append(Job.created_at >= wanted.after)
    if wanted.also is not None:
        rules.append(wanted.also)
    return and_(*rules)


def _allowed(basis: str) -> ColumnElement[bool]:
    said = func.lower(Job.metadata_[TRAINING_CONSENT].astext)
    return said == "true" if basis == CONSENT else said.is_distinct_from("false")


def _first(rule: ColumnElement[bool], most: int) -> Select[Any]:
    """The oldest of the newest so many."""
    newest = select(Job.id).where(rule).order_by(Job.id.desc()).limit(most).subquery()
    return select(newest.c.id).order_by(newest.c.id).limit(1)
