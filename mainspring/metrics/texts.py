"""Texts that are to be kept and for which the ops workers have no key yet: until they have, nothing of them is locked."""

from collections.abc import Iterator

from prometheus_client.core import Metric
from sqlalchemy import Connection, func, select

from mainspring.kept.plan import text_plan
from mainspring.metrics.families import gauge
from mainspring.metrics.labels import MOST, Bounded
from mainspring.tables import Deployment, KeptText

_MOST_TEXTS = 100_000  # are counted, all deployments together
_SOME = (
    select(KeptText.deployment)
    .where(KeptText.content.is_(None), KeptText.leaves_at > func.now())
    .limit(_MOST_TEXTS)
    .subquery()
)
_WAITING = select(_SOME.c.deployment, func.count().label("many")).group_by(_SOME.c.deployment)
_DEPLOYMENTS = (
    select(Deployment.name, Deployment.policy)
    .where(Deployment.retired_at.is_(None))
    .order_by(Deployment.name)
)


def families(connection: Connection) -> Iterator[Metric]:
    """Of the deployments whose policy keeps texts."""
    bounded = Bounded("other", MOST)
    waiting = {row.deployment: row.many for row in connection.execute(_WAITING)}
    yield gauge(
        "mainspring_texts_waiting",
        f"Texts that wait for a key to be kept under, up to {_MOST_TEXTS}.",
        ("deployment",),
        (
            ((bounded(row.name),), waiting.get(row.name, 0))
            for row in connection.execute(_DEPLOYMENTS)
            if text_plan(row.policy) is not None
        ),
    )
