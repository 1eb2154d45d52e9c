"""Workers: how many live, and of how many the lease ran out within the last hour, as it does of those that die."""

from collections.abc import Iterator
from datetime import timedelta

from prometheus_client.core import Metric
from sqlalchemy import Connection, and_, func, or_, select

from mainspring.metrics.families import gauge
from mainspring.settings import Environment
from mainspring.tables import Incarnation

_LATELY = timedelta(hours=1)
_LIVES = and_(Incarnation.ended_at.is_(None), Incarnation.lease_until > func.now())
# One that stops of its own will ends before its lease does.
_WAS_LOST = and_(
    Incarnation.lease_until <= func.now(),
    or_(Incarnation.ended_at.is_(None), Incarnation.ended_at >= Incarnation.lease_until),
)
_COUNTED = (
    select(
        Incarnation.role,
        Incarnation.environment,
        func.count().filter(_LIVES).label("live"),
        func.count().filter(_WAS_LOST).label("lost"),
    )
    .where(Incarnation.lease_until > func.now() - _LATELY)
    .group_by(Incarnation.role, Incarnation.environment)
)
_ALWAYS = ("infer", Environment.ALL.value)  # shown though there be none: that is the number to be told of


def families(connection: Connection) -> Iterator[Metric]:
    counted = {(row.role, row.environment): (row.live, row.lost) for row in connection.execute(_COUNTED)}
    counted.setdefault(_ALWAYS, (0, 0))
    yield gauge(
        "mainspring_workers",
        "Workers that hold a lease (live), and those whose lease ran out within the last hour (lost).",
        ("role", "environment", "state"),
        (
            ((role, environment, state), many)
            for (role, environment), both in counted.items()
            for state, many in zip(("live", "lost"), both, strict=True)
        ),
    )
