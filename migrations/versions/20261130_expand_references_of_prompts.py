"""References that are made of prompts, or in part; streams that their reader has left.

One new table and empty columns, so nothing is rewritten.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

NOW = sa.text("now()")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column(
        "drift_references",
        sa.Column("origins", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    )
    op.add_column(
        "drift_references",
        sa.Column("awaits_traffic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("jobs", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("observations", sa.Column("unread", sa.Boolean(), nullable=True))
    op.create_table(
        "reference_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("set_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("prompts", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("error", postgresql.JSONB(), nullable=True),
        sa.Column("reference_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name="fk_reference_requests_version_id_versions"
        ),
        sa.ForeignKeyConstraint(
            ["set_id"], ["prompt_sets.id"], name="fk_reference_requests_set_id_prompt_sets"
        ),
        sa.ForeignKeyConstraint(
            ["reference_id"],
            ["drift_references.id"],
            name="fk_reference_requests_reference_id_drift_references",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_reference_requests"),
        sa.CheckConstraint(
            "state in ('waiting', 'made', 'failed')", name=op.f("ck_reference_requests_state")
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (ended_at is null)", name=op.f("ck_reference_requests_ended")
        ),
    )
    op.create_index(
        "ix_reference_requests_version_id_created_at", "reference_requests", ["version_id", "created_at"]
    )
    op.create_index(
        "uq_reference_requests_open",
        "reference_requests",
        ["version_id"],
        unique=True,
        postgresql_where=sa.text("state = 'waiting'"),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("reference_requests")
    op.drop_column("observations", "unread")
    op.drop_column("jobs", "left_at")
    op.drop_column("drift_references", "awaits_traffic")
    op.drop_column("drift_references", "origins")
