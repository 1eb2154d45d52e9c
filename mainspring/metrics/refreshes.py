"""Refreshes: where those are that go on, and for how long; how those before ended; and what the newest verdicts rest on."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import Metric
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from mainspring.metrics.families import Series, counter, gauge
from mainspring.metrics.labels import MOST, Bounded
from mainspring.tables import Deployment, Evaluation, Judgement, Refresh, RefreshState, Verdict

ENDS = tuple(state for state in RefreshState if state.ended)
OPEN = tuple(state for state in RefreshState if not state.ended)
MOST_METRICS = 50  # of all verdicts together, by their names: a suite may measure as many sets as it likes
SIDES = ("challenger", "champion")
_DEPLOYMENTS = select(Deployment.name).where(Deployment.retired_at.is_(None)).order_by(Deployment.name)
_OPEN = select(
    Refresh.deployment, Refresh.state, func.extract("epoch", func.now() - Refresh.state_at).label("seconds")
).where(Refresh.ended_at.is_(None))
_ENDED = (
    select(Refresh.deployment, Refresh.state, func.count().label("many"))
    .where(Refresh.ended_at.is_not(None))
    .group_by(Refresh.deployment, Refresh.state)
)
_VERDICTS = (
    select(Evaluation.deployment, Verdict.decision, Verdict.results)
    .join(Evaluation, Evaluation.id == Verdict.evaluation_id)
    .ext(distinct_on(Evaluation.deployment))
    .order_by(Evaluation.deployment, Verdict.id.desc())
)


def families(connection: Connection) -> Iterator[Metric]:
    bounded = Bounded("other", MOST)
    names = {name: bounded(name) for name in connection.scalars(_DEPLOYMENTS)}
    labels = ("deployment", "state")
    going = {row.deployment: row for row in connection.execute(_OPEN) if row.deployment in names}
    yield gauge(
        "mainspring_refreshes",
        "1 for the state of the refresh that goes on, 0 for the others.",
        labels,
        (
            ((shown, state.value), name in going and going[name].state == state)
            for name, shown in names.items()
            for state in OPEN
        ),
    )
    yield gauge(
        "mainspring_refresh_state_seconds",
        "For how long the refresh that goes on has been in its state.",
        labels,
        (((names[name], row.state), float(row.seconds)) for name, row in going.items()),
        joined=max,
    )
    many = {(row.deployment, row.state): row.many for row in connection.execute(_ENDED)}
    yield counter(
        "mainspring_refreshes_ended_total",
        "Refreshes that have ended, by how.",
        labels,
        (
            ((shown, state.value), many.get((name, state.value), 0))
            for name, shown in names.items()
            for state in ENDS
        ),
    )
    yield from _verdicts(connection, names)


def _verdicts(connection: Connection, names: Mapping[str, str]) -> Iterator[Metric]:
    """Of each deployment the newest."""
    found = [row for row in connection.execute(_VERDICTS) if row.deployment in names]
    yield gauge(
        "mainspring_verdict",
        "1 for what the gate decided last.",
        ("deployment", "decision"),
        (((names[row.deployment], one.value), row.decision == one) for row in found for one in Judgement),
    )
    bounded = Bounded("other", MOST_METRICS)
    told = [
        (names[row.deployment], name, one)
        for row in found
        for one in row.results.get("measured", [])
        if (name := bounded(one["name"])) != "other"
    ]
    yield gauge(
        "mainspring_verdict_metric",
        "A metric that the newest verdict rests on, of the version that was judged and of the one beside it.",
        ("deployment", "metric", "side"),
        (series for deployment, name, one in told for series in _sides(deployment, name, one)),
        joined=max,
    )
    yield gauge(
        "mainspring_verdict_difference",
        "By how much the two differ on the same items, and the ends of its interval.",
        ("deployment", "metric", "end"),
        (series for deployment, name, one in told for series in _ends(deployment, name, one)),
        joined=max,
    )


def _sides(deployment: str, name: str, one: Mapping[str, Any]) -> Iterator[Series]:
    for side in SIDES:
        if one.get(side) is not None:
            yield (deployment, name, side), one[side]["value"]


def _ends(deployment: str, name: str, one: Mapping[str, Any]) -> Iterator[Series]:
    for end, value in (one.get("difference") or {}).items():
        if value is not None:
            yield (deployment, name, end), value
