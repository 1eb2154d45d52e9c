"""Rollouts, and which of them a job or a session was drawn in, with what probability for the challenger; since
when a version is in its stage, and what its files were when it was registered.

Older code draws nobody: its jobs go to the champion, with no share, and count for nothing in the comparison.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OPEN = sa.text("ended_at is null")
STATES = "state in ('loading', 'canary', 'waiting', 'promoted', 'rolled_back', 'aborted')"
# A trigger writes down since when a version is in its stage, whoever moves it.
STAGE_AT = """
    create function stage_at() returns trigger language plpgsql as $$
    begin
        new.stage_at = clock_timestamp();
        return new;
    end $$
"""
ENDED = "(state in ('promoted', 'rolled_back', 'aborted')) = (ended_at is not null)"


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "rollouts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("challenger_id", sa.Uuid(), nullable=False),
        sa.Column("champion_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), server_default="loading", nullable=False),
        sa.Column("plan", postgresql.JSONB(), nullable=False),
        sa.Column("step", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("share", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("judged", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("step_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(STATES, name=op.f("ck_rollouts_state")),
        sa.CheckConstraint("share >= 0 and share <= 1", name=op.f("ck_rollouts_share")),
        sa.CheckConstraint(ENDED, name=op.f("ck_rollouts_ended")),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name="fk_rollouts_deployment_deployments"
        ),
        sa.ForeignKeyConstraint(
            ["challenger_id"], ["versions.id"], name="fk_rollouts_challenger_id_versions"
        ),
        sa.ForeignKeyConstraint(["champion_id"], ["versions.id"], name="fk_rollouts_champion_id_versions"),
        sa.PrimaryKeyConstraint("id", name="pk_rollouts"),
    )
    op.create_index("uq_rollouts_open", "rollouts", ["deployment"], unique=True, postgresql_where=OPEN)
    op.create_index("ix_rollouts_challenger_id", "rollouts", ["challenger_id"], postgresql_where=OPEN)
    for table in ("jobs", "sessions"):
        op.add_column(table, sa.Column("rollout_id", sa.Uuid(), nullable=True))
        op.add_column(table, sa.Column("share", sa.Double(), nullable=True))
    op.add_column(
        "versions",
        sa.Column("stage_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.add_column("versions", sa.Column("files", postgresql.JSONB(), nullable=True))
    op.execute(STAGE_AT)
    op.execute(
        "create trigger stage_at before update on versions for each row"
        " when (old.stage <> new.stage) execute function stage_at()"
    )
    op.create_index(
        "ix_jobs_rollout_id", "jobs", ["rollout_id"], postgresql_where=sa.text("rollout_id is not null")
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index("ix_jobs_rollout_id", "jobs")
    op.execute("drop trigger stage_at on versions")
    op.execute("drop function stage_at()")
    op.drop_column("versions", "files")
    op.drop_column("versions", "stage_at")
    for table in ("sessions", "jobs"):
        op.drop_column(table, "share")
        op.drop_column(table, "rollout_id")
    op.drop_table("rollouts")
