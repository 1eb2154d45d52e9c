"""How long until a new job's answer begins: its first text or, for an encoder, the answer itself.

A job for which a slot is free waits for nobody: it takes what it lately took from acceptance to the beginning of an
answer. Any other waits until so many have ended that it has a slot, at the rate of a version whose slots are all taken:
by Little's law slots divided by the mean time that one is taken, of those jobs that had to wait for one. Before there
were any such, the rate lies somewhere between an engine whose requests slow each other down, which answers no more of
them the more it holds, and one whose requests do not: their geometric mean is taken.
"""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Integer, bindparam, case, func, select

from mainspring.tables import HeldVersion, Incarnation, Job, JobState, Observation, constant

SAMPLE = 64  # of the latest answers: the cost is the same however busy a version is, and a change soon seen
AMONG = 16 * SAMPLE  # of the latest ends they are looked for, however many of those were failures
LATELY = timedelta(days=7)  # where there was an answer since then, older ones are not looked at
CROWDED_SECONDS = 0.05  # whoever was not claimed within this had to wait for a slot

_EVER = datetime(1970, 1, 1, tzinfo=UTC)

_ENDED = (
    select(
        Observation.at,
        Observation.state,
        Observation.queue_seconds.label("queued"),
        (Observation.total_seconds - Observation.queue_seconds).label("taken"),
        (
            func.coalesce(Observation.first_token_seconds, Observation.total_seconds)
            - Observation.queue_seconds
        ).label("begun"),
    )
    # From two sides, and by values: so only a week or two are planned for, of all that there are and are made ahead.
    .where(Observation.version_id == bindparam("version"))
    .where(Observation.at > bindparam("since"), Observation.at < bindparam("until"))
    .order_by(Observation.at.desc())
    .limit(AMONG)
    .subquery()
)
_LATELY = (
    select(_ENDED)
    .where(_ENDED.c.state == constant(JobState.SUCCEEDED))
    .order_by(_ENDED.c.at.desc())
    .limit(SAMPLE)
    .subquery()
)
_CAPACITY = (
    select(func.coalesce(func.sum(HeldVersion.engine["capacity"].astext.cast(Integer)), 0))
    .join(Incarnation, Incarnation.id == HeldVersion.incarnation)
    .where(HeldVersion.version_id == bindparam("version"), HeldVersion.state == "ready")
    .where(Incarnation.ended_at.is_(None), Incarnation.lease_until > func.now())
    .scalar_subquery()
)
_RUNNING = (
    select(func.count())
    .where(Job.version_id == bindparam("version"), Job.state == constant(JobState.RUNNING))
    .scalar_subquery()
)
_WAITED = _LATELY.c.queued > CROWDED_SECONDS
_PACE = select(
    _CAPACITY.label("capacity"),
    _RUNNING.label("running"),
    func.avg(_LATELY.c.taken).label("taken"),
    func.avg(_LATELY.c.taken).filter(_WAITED).label("crowded"),
    func.percentile_cont(0.5).within_group(_LATELY.c.begun).label("begun"),
    func.percentile_cont(0.5).within_group(case((~_WAITED, _LATELY.c.queued))).label("claimed"),
)


@dataclass(frozen=True)
class Pace:
    """How fast a version answers. Seconds, None where there is no measure.

    `capacity`: slots that its workers have; `running`: those taken. `taken`: how long an answer takes one, on average;
    `crowded`: the same, of those that waited for one; `begun`: from the claim to the beginning of the answer, `claimed`:
    from acceptance to the claim where a slot is free, both medians.
    """

    capacity: int
    running: int
    taken: float | None = None
    crowded: float | None = None
    begun: float | None = None
    claimed: float | None = None

    def seconds(self, ahead: int, said: int = 0) -> float | None:
        """Until the answer begins of a job with so many before it, and so many of its own conversation that it comes
        after; None when nobody serves it or nobody was served."""
        if not self.capacity or self.begun is None:
            return None
        soonest = self.claimed or 0.0
        must_end = ahead + self.running + 1 - self.capacity
        wait = must_end / self._rate() if must_end > 0 else 0.0
        in_turn = said * ((self.taken or 0.0) + soonest)
        return round(max(soonest, wait, in_turn) + self.begun, 3)

    def _rate(self) -> float:
        """Answers a second while every slot is taken."""
        if self.crowded is not None:
            return self.capacity / max(self.crowded, 1e-6)
        return math.sqrt(self.capacity) / max(self.taken or 0.0, 1e-6)


@dataclass(frozen=True)
class Wait:
    """Of a job with so many before it. `said`: those of its own conversation, which have to end first."""

    ahead: int
    pace: Pace
    said: int = 0

    @property
    def position(self) -> int:
        """1 is next."""
        return max(self.ahead, self.said) + 1

    @property
    def seconds(self) -> float | None:
        """Until its answer begins; None for want of any measure."""
        return self.pace.seconds(self.ahead, self.said)

    def behind(self, more: int) -> "Wait":
        """Of a job with so many more before it."""
        return replace(self, ahead=self.ahead + more)

    def after(self, said: int) -> "Wait":
        """Of a job that so many of its conversation come before."""
        return replace(self, said=said)


def wait(connection: Connection, version_id: UUID, ahead: int) -> Wait:
    """As things stand."""
    now = datetime.now(UTC)
    pace = _pace(connection, version_id, now - LATELY, now)
    if pace.capacity and pace.begun is None:
        pace = _pace(connection, version_id, _EVER, now)
    return Wait(ahead, pace)


def _pace(connection: Connection, version_id: UUID, since: datetime, now: datetime) -> Pace:
    # The database's clock may be ahead of this one.
    values = {"version": version_id, "since": since, "until": now + timedelta(days=1)}
    return Pace(**connection.execute(_PACE, values).mappings().one())
