"""How long a new job will wait: what is ahead of it, divided by how fast its version has been answering."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from mainspring.tables import Job, JobState, Observation, Version

WINDOW = timedelta(seconds=60)
SAMPLE = 200  # of the latest answers, so that the cost stays the same however busy a version is

# Columns for a statement that selects from versions: how many jobs wait for the version, how many answers it gave
# lately, and the seconds since the first of these.
WAITING = (
    select(func.count())
    .where(Job.version_id == Version.id, Job.state == JobState.QUEUED.value)
    .correlate(Version)
    .scalar_subquery()
)
_LATELY = (
    select(Observation.at)
    .where(Observation.version_id == Version.id, Observation.at > func.now() - WINDOW)
    .order_by(Observation.at.desc())
    .limit(SAMPLE)
    .correlate(Version)
    .subquery()
)
ANSWERED = select(func.count()).select_from(_LATELY).scalar_subquery()
SPAN = select(func.extract("epoch", func.now() - func.min(_LATELY.c.at))).scalar_subquery()


@dataclass(frozen=True)
class Wait:
    """`position` 1 is next. `seconds` is None while nothing has been measured."""

    position: int
    seconds: float | None


def wait(ahead: int, answered: int, span: float | None) -> Wait:
    """Behind so many others, when `answered` were answered in the last `span` seconds."""
    if not answered or span is None:
        return Wait(ahead + 1, None)
    return Wait(ahead + 1, round(ahead * max(float(span), 1.0) / answered, 3))
