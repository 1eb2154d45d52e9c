"""Training runs: those that wait or run, and how those before ended."""

from collections.abc import Iterator

from prometheus_client.core import Metric
from sqlalchemy import Connection, func, select

from mainspring.metrics.families import counter, gauge
from mainspring.metrics.labels import MOST, Bounded
from mainspring.tables import Deployment, TrainingRun, WorkState

ENDS = tuple(state for state in WorkState if state.ended)
OPEN = tuple(state for state in WorkState if not state.ended)
_COUNTED = select(TrainingRun.deployment, TrainingRun.state, func.count().label("many")).group_by(
    TrainingRun.deployment, TrainingRun.state
)
_DEPLOYMENTS = select(Deployment.name).where(Deployment.retired_at.is_(None)).order_by(Deployment.name)


def families(connection: Connection) -> Iterator[Metric]:
    bounded = Bounded("other", MOST)
    many = {(row.deployment, row.state): row.many for row in connection.execute(_COUNTED)}
    names = [(name, bounded(name)) for name in connection.scalars(_DEPLOYMENTS)]
    labels = ("deployment", "state")
    yield gauge(
        "mainspring_training_runs",
        "Training runs that have not ended.",
        labels,
        (((shown, state.value), many.get((name, state.value), 0)) for name, shown in names for state in OPEN),
    )
    yield counter(
        "mainspring_training_runs_ended_total",
        "Training runs that have ended, by how.",
        labels,
        (((shown, state.value), many.get((name, state.value), 0)) for name, shown in names for state in ENDS),
    )
