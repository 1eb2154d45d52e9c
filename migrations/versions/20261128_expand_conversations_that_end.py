"""When a conversation ended, and what a job and a conversation are told of a version that they were taken from.

Older code knows no end: it goes on with a conversation that has ended, which costs nothing but the new beginning.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("sessions", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sessions", sa.Column("since", sa.Uuid(), nullable=True))
    op.add_column("sessions", sa.Column("moved_from", sa.Uuid(), nullable=True))
    op.add_column("jobs", sa.Column("moved_from", sa.String(), nullable=True))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_column("jobs", "moved_from")
    for name in ("moved_from", "since", "ended_at"):
        op.drop_column("sessions", name)
