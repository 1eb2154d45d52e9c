"""Which jobs named their version, and where the conversations that have not ended are.

Older code marks none: what it accepts counts as given to anybody.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("jobs", sa.Column("pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "ix_jobs_pinned", "jobs", ["version_id", "created_at"], postgresql_where=sa.text("pinned")
    )
    op.create_index(
        "ix_sessions_open", "sessions", ["version_id"], postgresql_where=sa.text("ended_at is null")
    )
    op.drop_index("ix_sessions_version_id", "sessions")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_index("ix_sessions_version_id", "sessions", ["version_id"])
    op.drop_index("ix_sessions_open", "sessions")
    op.drop_index("ix_jobs_pinned", "jobs")
    op.drop_column("jobs", "pinned")
