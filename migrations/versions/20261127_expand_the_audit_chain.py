"""Events become a chain: each carries its place, the hash of the one before it, and its own.

A trigger fills the three in, so older code that knows nothing of them writes links all the same. What was written
before is chained here, in its order.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CHAIN = (
    # What is hashed behind the previous hash: one spelling for a row, wherever it is computed.
    """
    create function event_text(link events) returns text language sql immutable as $$
        select link.position || ' ' || jsonb_build_array(
            to_char(link.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            link.kind, link.about, link.actor, link.reason, link.inputs
        )::text
    $$
    """,
    """
    create function chain_event() returns trigger language plpgsql as $$
    begin
        -- Locked until the transaction's end: the next event waits to know what it follows.
        select head.position + 1, head.hash into new.position, new.previous from audit_head head for update;
        new.hash = sha256(new.previous || convert_to(event_text(new), 'UTF8'));
        update audit_head set position = new.position, hash = new.hash;
        return new;
    end $$
    """,
)
EARLIER = """
    do $$
    declare link events;
    begin
        for link in select * from events order by id loop
            select head.position + 1, head.hash into link.position, link.previous from audit_head head;
            link.hash = sha256(link.previous || convert_to(event_text(link), 'UTF8'));
            update events set position = link.position, previous = link.previous, hash = link.hash
            where id = link.id;
            update audit_head set position = link.position, hash = link.hash;
        end loop;
    end $$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "audit_head",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_audit_head_single")),
        sa.PrimaryKeyConstraint("single", name="pk_audit_head"),
    )
    op.execute("insert into audit_head (position, hash) values (0, decode(repeat('00', 32), 'hex'))")
    op.execute("lock table events in exclusive mode")
    op.add_column("events", sa.Column("position", sa.BigInteger(), nullable=True))
    op.add_column("events", sa.Column("previous", sa.LargeBinary(), nullable=True))
    op.add_column("events", sa.Column("hash", sa.LargeBinary(), nullable=True))
    for statement in CHAIN:
        op.execute(statement)
    op.execute("alter table events disable trigger append_only")
    op.execute(EARLIER)
    op.execute("alter table events enable trigger append_only")
    for column in ("position", "previous", "hash"):
        op.alter_column("events", column, nullable=False)
    op.create_unique_constraint("uq_events_position", "events", ["position"])
    op.execute(
        "create trigger chain_event before insert on events for each row execute function chain_event()"
    )
    op.execute(
        "create trigger kept before truncate on events for each statement execute function append_only()"
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop trigger kept on events")
    op.execute("drop trigger chain_event on events")
    op.execute("drop function chain_event()")
    op.execute("drop function event_text(events)")
    for column in ("position", "previous", "hash"):
        op.drop_column("events", column)
    op.drop_table("audit_head")
