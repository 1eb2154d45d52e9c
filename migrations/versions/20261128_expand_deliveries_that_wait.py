"""A delivery waits without a time until its job has ended; and it knows its tenant, and a lane for its receiver.

Triggers see to all three, so older code writes them too, and its question for what is due finds what it found before.
A job without a webhook fires none. Fills in every delivery, and holds whoever accepts or ends jobs meanwhile: half a
minute or so for a million.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
MADE = (
    # The host and its port: what stands between the slashes and the path, without a user.
    """
    create function receiver_lane(url text) returns smallint language sql immutable as $$
        select cast(get_byte(sha256(convert_to(
            lower(coalesce(substring(url from '://(?:[^/?#]*@)?([^/?#]*)'), '')), 'UTF8'
        )), 0) as smallint)
    $$
    """,
    """
    create function begin_delivery() returns trigger language plpgsql as $$
    declare whole record;
    begin
        select job.tenant_id, job.finished_at, job.webhook into whole from jobs job where job.id = new.job_id;
        if not whole.webhook then
            update jobs set webhook = true where id = new.job_id returning finished_at into whole.finished_at;
        end if;
        new.tenant_id = whole.tenant_id;
        new.lane = receiver_lane(new.url);
        new.next_at = whole.finished_at;
        return new;
    end $$
    """,
    """
    create function release_delivery() returns trigger language plpgsql as $$
    begin
        update deliveries set next_at = new.finished_at
        where job_id = new.id and state = 'waiting' and next_at is null;
        return null;
    end $$
    """,
    """
    create trigger begin_delivery before insert on deliveries
    for each row execute function begin_delivery()
    """,
    """
    create trigger release_delivery after update of finished_at on jobs
    for each row when (new.webhook and old.finished_at is null and new.finished_at is not null)
    execute function release_delivery()
    """,
)
EARLIER = (
    """
    update deliveries set tenant_id = job.tenant_id, lane = receiver_lane(url),
        next_at = case when job.finished_at is not null or deliveries.state <> 'waiting' then next_at end
    from jobs job where job.id = job_id
    """,
    """
    update jobs set webhook = true from deliveries
    where deliveries.job_id = jobs.id and deliveries.state = 'waiting' and jobs.finished_at is null
    """,
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    # In the order in which a job is accepted.
    op.execute("lock table jobs, deliveries in access exclusive mode")
    op.add_column("jobs", sa.Column("webhook", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("deliveries", sa.Column("tenant_id", sa.Uuid(), nullable=True))
    op.add_column("deliveries", sa.Column("lane", sa.SmallInteger(), nullable=True))
    op.drop_index("ix_deliveries_due", "deliveries")
    op.alter_column("deliveries", "next_at", nullable=True, server_default=None)
    for statement in (*MADE, *EARLIER):
        op.execute(statement)
    op.alter_column("deliveries", "tenant_id", nullable=False)
    op.alter_column("deliveries", "lane", nullable=False)
    op.create_index(
        "ix_deliveries_lanes",
        "deliveries",
        ["tenant_id", "lane", "next_at"],
        postgresql_where=sa.text("state = 'waiting' and next_at is not null"),
    )
    op.create_index("ix_deliveries_tenant_id_id", "deliveries", ["tenant_id", "id"])
    op.create_index("ix_deliveries_tenant_id_state_id", "deliveries", ["tenant_id", "state", "id"])


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("lock table jobs, deliveries in access exclusive mode")
    op.execute("drop trigger release_delivery on jobs")
    op.execute("drop trigger begin_delivery on deliveries")
    for function in ("release_delivery()", "begin_delivery()", "receiver_lane(text)"):
        op.execute(f"drop function {function}")
    op.execute("update deliveries set next_at = created_at where next_at is null")
    op.alter_column("deliveries", "next_at", nullable=False, server_default=NOW)
    for index in ("tenant_id_state_id", "tenant_id_id", "lanes"):
        op.drop_index(f"ix_deliveries_{index}", "deliveries")
    op.drop_column("deliveries", "lane")
    op.drop_column("deliveries", "tenant_id")
    op.drop_column("jobs", "webhook")
    op.create_index(
        "ix_deliveries_due", "deliveries", ["next_at"], postgresql_where=sa.text("state = 'waiting'")
    )
