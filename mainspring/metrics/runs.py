"""What the train worker does, training runs, datasets, evaluations: those that wait or run, and how those before ended."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import Metric
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from mainspring.metrics.families import counter, gauge
from mainspring.metrics.labels import MOST, Bounded
from mainspring.tables import Dataset, Deployment, Evaluation, TrainingRun, WorkState

ENDS = tuple(state for state in WorkState if state.ended)
OPEN = tuple(state for state in WorkState if not state.ended)
SPLITS = ("train", "held_out")
_DEPLOYMENTS = select(Deployment.name).where(Deployment.retired_at.is_(None)).order_by(Deployment.name)
_NEWEST = (
    select(Dataset.deployment, Dataset.rows)
    .where(Dataset.state == WorkState.SUCCEEDED.value)
    .ext(distinct_on(Dataset.deployment))
    .order_by(Dataset.deployment, Dataset.id.desc())
)


@dataclass(frozen=True)
class _Kind:
    """`name`: of its metrics; `words`: how they begin what they say."""

    table: type[Any]
    name: str
    words: str


_KINDS = (
    _Kind(TrainingRun, "mainspring_training_runs", "Training runs"),
    _Kind(Dataset, "mainspring_datasets", "Datasets"),
    _Kind(Evaluation, "mainspring_evaluations", "Evaluations"),
)
_Names = Sequence[tuple[str, str]]  # a deployment's, and as it is shown


def families(connection: Connection) -> Iterator[Metric]:
    bounded = Bounded("other", MOST)
    names = [(name, bounded(name)) for name in connection.scalars(_DEPLOYMENTS)]
    for kind in _KINDS:
        yield from _of(connection, kind, names)
    rows = {row.deployment: row.rows or {} for row in connection.execute(_NEWEST)}
    yield gauge(
        "mainspring_dataset_rows",
        "Examples of a deployment's newest dataset.",
        ("deployment", "split"),
        (
            ((shown, split), rows[name].get(split, 0))
            for name, shown in names
            if name in rows
            for split in SPLITS
        ),
    )


def _of(connection: Connection, kind: _Kind, names: _Names) -> Iterator[Metric]:
    table = kind.table
    counted = select(table.deployment, table.state, func.count().label("many"))
    found = connection.execute(counted.group_by(table.deployment, table.state))
    many = {(row.deployment, row.state): row.many for row in found}
    labels = ("deployment", "state")
    yield gauge(
        kind.name,
        f"{kind.words} that have not ended.",
        labels,
        (((shown, state.value), many.get((name, state.value), 0)) for name, shown in names for state in OPEN),
    )
    yield counter(
        f"{kind.name}_ended_total",
        f"{kind.words} that have ended, by how.",
        labels,
        (((shown, state.value), many.get((name, state.value), 0)) for name, shown in names for state in ENDS),
    )
