"""How long a new job will wait: what is ahead of it, divided by how fast its version has been answering."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, select

from mainspring.tables import Observation

WINDOW = timedelta(seconds=60)
SAMPLE = 200  # of the latest answers, so that the cost stays the same however busy a version is

_LATELY = (
    select(Observation.at)
    .where(Observation.version_id == bindparam("version"), Observation.at > func.now() - WINDOW)
    .order_by(Observation.at.desc())
    .limit(SAMPLE)
    .subquery()
)
_PACE = select(
    func.count().label("answered"),
    func.extract("epoch", func.now() - func.min(_LATELY.c.at)).label("span"),
).select_from(_LATELY)


@dataclass(frozen=True)
class Wait:
    """`position` 1 is next. `seconds` is None for want of any measure: no answer in the last minute."""

    position: int
    seconds: float | None

    def behind(self, more: int) -> "Wait":
        """Of a job with so many more before it, at the same pace."""
        if not more:
            return self
        ahead = self.position - 1
        seconds = round(self.seconds * (ahead + more) / ahead, 3) if self.seconds else None
        return Wait(self.position + more, seconds)


def wait(connection: Connection, version_id: UUID, ahead: int) -> Wait:
    """Of a job with so many others before it."""
    if ahead == 0:
        return Wait(1, 0.0)
    lately = connection.execute(_PACE, {"version": version_id}).one()
    if not lately.answered:
        return Wait(ahead + 1, None)
    each = max(float(lately.span), 1.0) / lately.answered
    return Wait(ahead + 1, round(ahead * each, 3))
