"""How long a new job will wait: what is ahead of it, divided by how fast its version has been answering."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.tables import Job, Observation

WINDOW = timedelta(seconds=60)


@dataclass(frozen=True)
class Wait:
    """`position` 1 is next. `seconds` is None while nothing has been measured."""

    position: int
    seconds: float | None


def queue_of(session: Session, version_id: UUID) -> Wait:
    """For a job that would be accepted now."""
    waiting = select(func.count()).where(Job.version_id == version_id, Job.state == "queued")
    lately = (Observation.version_id == version_id, Observation.at > func.now() - WINDOW)
    ahead, answered, longest = session.execute(
        select(
            waiting.scalar_subquery(),
            select(func.count()).where(*lately).scalar_subquery(),
            select(func.extract("epoch", func.now() - func.min(Observation.at)))
            .where(*lately)
            .scalar_subquery(),
        )
    ).one()
    position = int(ahead or 0) + 1
    if not answered:
        return Wait(position, None)
    each = max(float(longest), 1.0) / answered
    return Wait(position, round((position - 1) * each, 3))
