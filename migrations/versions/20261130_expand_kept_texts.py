"""A place for what was asked and answered, where a policy keeps it, encrypted.

Only an empty table is added. Its foreign keys hold who writes jobs for as long as it takes to write them down.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "kept_texts",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leaves_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_kept_texts_job_id_jobs", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name="fk_kept_texts_deployment_deployments"
        ),
        sa.PrimaryKeyConstraint("job_id", name="pk_kept_texts"),
        sa.CheckConstraint("(key is null) = (content is null)", name=op.f("ck_kept_texts_locked")),
    )
    op.create_index("ix_kept_texts_deployment_at", "kept_texts", ["deployment", "at"])
    op.create_index("ix_kept_texts_deployment_leaves_at", "kept_texts", ["deployment", "leaves_at"])
    op.create_index(
        "ix_kept_texts_waiting", "kept_texts", ["job_id"], postgresql_where=sa.text("content is null")
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("kept_texts")
