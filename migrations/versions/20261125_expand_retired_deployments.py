"""A deployment can be retired: its row stays, with the time from which it takes no new jobs.

Older code does not know the column: it finds no version in production and refuses new jobs as not ready.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deployments", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("deployments", "retired_at")
