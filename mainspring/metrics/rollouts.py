"""Open rollouts: their state, the challenger's share, how long they are at it; and how those before ended."""

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.core import Metric
from sqlalchemy import Connection, func, select
from sqlalchemy.orm import aliased

from mainspring.metrics.families import Series, counter, gauge
from mainspring.metrics.labels import MOST, OTHER, Bounded, Labels
from mainspring.tables import Deployment, Rollout, RolloutState, Version

OPEN = (
    RolloutState.LOADING,
    RolloutState.TESTING,
    RolloutState.SHADOW,
    RolloutState.CANARY,
    RolloutState.WAITING,
)
ENDS = (RolloutState.PROMOTED, RolloutState.ROLLED_BACK, RolloutState.ABORTED)
_CHAMPION = aliased(Version)
_OPEN = (
    select(
        Rollout.deployment,
        Version.number.label("challenger"),
        _CHAMPION.number.label("champion"),
        Rollout.state,
        Rollout.step,
        Rollout.share,
        Rollout.paused_at,
        func.extract("epoch", func.now() - Rollout.step_at).label("seconds"),
    )
    .join(Version, Version.id == Rollout.challenger_id)
    .join(_CHAMPION, _CHAMPION.id == Rollout.champion_id)
    .where(Rollout.ended_at.is_(None))
    .order_by(Rollout.began_at)
)
_ENDED = (
    select(Rollout.deployment, Rollout.state, func.count().label("many"))
    .where(Rollout.ended_at.is_not(None))
    .group_by(Rollout.deployment, Rollout.state)
)
_DEPLOYMENTS = select(Deployment.name).where(Deployment.retired_at.is_(None)).order_by(Deployment.name)


def families(connection: Connection) -> Iterator[Metric]:
    bounded = Bounded(OTHER, MOST)
    rows = connection.execute(_OPEN).all()
    found = [(bounded(Labels(row.deployment, f"{row.deployment}@{row.challenger}")), row) for row in rows]
    names = ("deployment", "version")  # the version is the challenger
    yield gauge(
        "mainspring_rollout_share",
        "The probability with which new work goes to the challenger; champion and challenger sum to 1.",
        (*names, "part"),
        (
            series
            for labels, row in found
            for series in (
                ((*labels, "challenger"), row.share),
                ((labels.deployment, f"{row.deployment}@{row.champion}", "champion"), 1 - row.share),
            )
            if labels != OTHER
        ),
    )
    yield gauge(
        "mainspring_rollout_state",
        "1 for the state in which an open rollout is, 0 for the others.",
        (*names, "state"),
        (((*labels, state.value), row.state == state) for labels, row in found for state in OPEN),
    )
    yield gauge(
        "mainspring_rollout_step", "Which step of its plan it is at, from 0.", names, _of(found, "step")
    )
    yield gauge(
        "mainspring_rollout_step_seconds", "For how long it has been at it.", names, _of(found, "seconds")
    )
    yield gauge(
        "mainspring_rollout_paused",
        "1 while a person holds it.",
        names,
        ((labels, row.paused_at is not None) for labels, row in found),
    )
    yield _ended(connection)


def _of(found: Iterable[tuple[Labels, Any]], column: str) -> Iterator[Series]:
    return ((labels, float(getattr(row, column))) for labels, row in found)


def _ended(connection: Connection) -> Metric:
    """From 0 for each deployment, so that the first one that is rolled back is an increase."""
    bounded = Bounded("other", MOST)
    many = {(row.deployment, row.state): row.many for row in connection.execute(_ENDED)}
    return counter(
        "mainspring_rollouts_total",
        "Rollouts that have ended, by how.",
        ("deployment", "state"),
        (
            ((bounded(name), state.value), many.get((name, state.value), 0))
            for name in connection.scalars(_DEPLOYMENTS)
            for state in ENDS
        ),
    )
