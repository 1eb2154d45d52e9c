"""Why a version runs as it does where the slots cannot run it.

Older code writes none, and reads the other columns as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("engine_plans", sa.Column("reason", sa.String(), nullable=True))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_column("engine_plans", "reason")
