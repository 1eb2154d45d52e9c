"""What was measured when a version was first loaded on a kind of machine, and how it runs there since.

Older code measures nothing and never looks here.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "engine_plans",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("machine", sa.String(), nullable=False),
        sa.Column("asked", sa.String(), nullable=False),
        sa.Column("engine", sa.String(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("threads", sa.Integer(), nullable=False),
        sa.Column("dtype", sa.String(), nullable=False),
        sa.Column("tried", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name="fk_engine_plans_version_id_versions", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "machine", "asked", name="pk_engine_plans"),
    )


def downgrade() -> None:
    op.drop_table("engine_plans")
