"""The trace context that a job carries from the api to whoever works for it.

Older code leaves it null and reads nothing of it: such jobs are not traced.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("jobs", sa.Column("traceparent", sa.String(), nullable=True))
    op.add_column("jobs", sa.Column("tracestate", sa.String(), nullable=True))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_column("jobs", "tracestate")
    op.drop_column("jobs", "traceparent")
