"""Claims while some tenants may run only so many jobs at once: the same turns, without the flows that are at their bound.

One claim at a time: the bounded tenants' rows are locked first, so that the count of what runs is true. It costs a
transaction of two statements, and is used only while there is such a tenant.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, bindparam, exists, select, text

from mainspring.lifecycle import LIVE
from mainspring.serving.claim import Claimed, claimed
from mainspring.tables import Job, JobState, Tenant, Version, constant

_ANY = select(exists().where(Tenant.running_bound.is_not(None)))
# Of the weaker kind: new jobs, whose rows refer to their tenant's, don't wait for it.
_LOCK = (
    select(Tenant.id)
    .where(Tenant.running_bound.is_not(None))
    .order_by(Tenant.id)
    .with_for_update(key_share=True)
)
_ELSEWHERE = select(Version.id).where(
    Version.id != bindparam("version"),
    Version.stage.in_([constant(stage) for stage in LIVE]),
    exists().where(Tenant.id == bindparam("tenant"), Tenant.running_bound.is_not(None)),
    exists().where(
        Job.version_id == Version.id,
        Job.state == constant(JobState.QUEUED),
        Job.tenant_id == bindparam("tenant"),
        Job.after.is_(None),
    ),
)
_CLAIM = text(
    """
    update jobs set state = 'running', incarnation = :life, attempt = attempt + 1, started_at = clock_timestamp()
    where id = (
        with recursive flow as (
            (select tenant_id, priority from jobs where version_id = :version and state = 'queued'
             order by tenant_id, priority limit 1)
            union all
            select following.tenant_id, following.priority from flow, lateral (
                select tenant_id, priority from jobs
                where version_id = :version and state = 'queued'
                  and (tenant_id, priority) > (flow.tenant_id, flow.priority)
                order by tenant_id, priority limit 1
            ) following
        )
        select head.id from flow join tenants on tenants.id = flow.tenant_id, lateral (
            select id, turn from jobs
            where version_id = :version and state = 'queued' and after is null
              and jobs.tenant_id = flow.tenant_id and jobs.priority = flow.priority
              and (deadline_at is null or deadline_at > clock_timestamp()) and losses < 2
            order by turn, id limit 1 for update skip locked
        ) head
        where running_bound is null or running_bound > (
            select count(*) from jobs running
            where running.tenant_id = flow.tenant_id and running.state = 'running'
        )
        order by head.turn, head.id limit 1
    ) and exists (
        select 1 from incarnations where id = :life and ended_at is null and lease_until > now()
    )
    returning id, attempt, input, parameters, seed, session_id, tenant_id,
        extract(epoch from deadline_at - clock_timestamp()) as seconds_left,
        case when traceparent is not null then jsonb_build_array(
            traceparent, tracestate, extract(epoch from created_at), extract(epoch from started_at)
        ) end as trace,
        extract(epoch from started_at - created_at) as queue_seconds
    """
)


def needed(connection: Connection) -> bool:
    """Whether some tenant has a bound on what may run."""
    return bool(connection.scalar(_ANY))


def elsewhere(connection: Connection, tenant_id: UUID, version_id: UUID) -> Sequence[UUID]:
    """Other versions for which a bounded tenant's jobs wait: when one of its jobs has ended, theirs may be claimed."""
    return connection.scalars(_ELSEWHERE, {"tenant": tenant_id, "version": version_id}).all()


def claim(connection: Connection, version_id: UUID, incarnation: UUID) -> Claimed | None:
    """As claim.claim, inside a transaction."""
    connection.execute(_LOCK)
    row = connection.execute(_CLAIM, {"version": version_id, "life": incarnation}).first()
    return claimed(row, incarnation)
