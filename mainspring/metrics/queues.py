"""What waits and what runs, by version; how long the oldest has waited; how much may wait."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from prometheus_client.core import Metric
from sqlalchemy import Connection, func, select, text

from mainspring.metrics.families import gauge
from mainspring.metrics.labels import MOST, Bounded
from mainspring.metrics.versions import LIVING, Known
from mainspring.serving.backlog import WAITING, standing
from mainspring.tables import (
    Delivery,
    DeliveryState,
    Deployment,
    Job,
    JobState,
    Version,
    constant,
    queue_bound,
)
from mainspring.terms import Priority

_BY_VERSION = ("deployment", "version")
_MOST_WEBHOOKS = 10_000  # counted no further
_WAITING = select(Version.id, WAITING.label("counted")).where(
    Version.stage.in_([stage.value for stage in LIVING])
)
_RUNNING = (
    select(Job.version_id, func.count().label("many"))
    .where(Job.state == constant(JobState.RUNNING))
    .group_by(Job.version_id)
)
# A loose index scan, as in serving/backlog.py: whoever has the first turn of a flow has waited longest in it.
_OLDEST = text(
    """
    with recursive flow as (
        (select version_id, tenant_id, priority, 1 as nth from jobs where state = 'queued'
         order by version_id, tenant_id, priority limit 1)
        union all
        select following.version_id, following.tenant_id, following.priority, nth + 1 from flow, lateral (
            select version_id, tenant_id, priority from jobs
            where state = 'queued'
              and (version_id, tenant_id, priority) > (flow.version_id, flow.tenant_id, flow.priority)
            order by version_id, tenant_id, priority limit 1
        ) following where nth < 10000
    )
    select flow.version_id, flow.priority, extract(epoch from now() - min(first.created_at)) as seconds
    from flow, lateral (
        select created_at from jobs
        where state = 'queued' and version_id = flow.version_id
          and tenant_id = flow.tenant_id and priority = flow.priority
        order by turn limit 1
    ) first
    group by flow.version_id, flow.priority
    """
)
_BOUNDS = (
    select(Deployment.name, Deployment.policy)
    .where(Deployment.retired_at.is_(None))
    .order_by(Deployment.name)
)
_WEBHOOKS = select(func.count()).select_from(
    select(Delivery.id)
    .where(Delivery.state == constant(DeliveryState.WAITING), Delivery.next_at <= func.now())
    .limit(_MOST_WEBHOOKS)
    .subquery()
)


def families(connection: Connection, living: Mapping[UUID, Known]) -> Iterator[Metric]:
    waiting = {row.id: row.counted for row in connection.execute(_WAITING)}
    running = {row.version_id: row.many for row in connection.execute(_RUNNING)}
    oldest = {(row.version_id, row.priority): float(row.seconds) for row in connection.execute(_OLDEST)}
    yield gauge(
        "mainspring_num_requests_waiting",
        "Jobs that are queued; beyond a thousand of a version as exact as the spacing of their turns.",
        _BY_VERSION,
        (
            (one.labels, standing(connection, version, waiting.get(version, 0)).waiting)
            for version, one in living.items()
        ),
    )
    yield gauge(
        "mainspring_num_requests_running",
        "Jobs that workers hold.",
        _BY_VERSION,
        ((one.labels, running.get(version, 0)) for version, one in living.items()),
    )
    yield gauge(
        "mainspring_queue_oldest_seconds",
        "How long the job that waits longest has waited; 0 where none does.",
        (*_BY_VERSION, "priority"),
        (
            ((*one.labels, priority.value), max(0.0, oldest.get((version, priority.value), 0.0)))
            for version, one in living.items()
            for priority in Priority
        ),
        joined=max,
    )
    bounded = Bounded("other", MOST)
    yield gauge(
        "mainspring_queue_bound",
        "How many jobs may wait for a deployment before producers are told to slow down.",
        ("deployment",),
        (((bounded(row.name),), queue_bound(row.policy)) for row in connection.execute(_BOUNDS)),
    )
    due = connection.scalar(_WEBHOOKS) or 0
    yield gauge("mainspring_webhooks_due", f"Webhooks that are due, up to {_MOST_WEBHOOKS}.", (), [((), due)])
