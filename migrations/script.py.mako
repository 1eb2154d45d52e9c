"""${message}

Deploy order: an `expand_` migration runs before the code that needs it and must leave the old code working;
a `contract_` migration runs after the last old process is gone. Locks: adding a column with a volatile default,
a CHECK that is not NOT VALID, or an index without CONCURRENTLY holds writers of that table until it is done.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision: str = ${repr(up_revision)}
down_revision: str | None = ${repr(down_revision)}
branch_labels: str | Sequence[str] | None = ${repr(branch_labels)}
depends_on: str | Sequence[str] | None = ${repr(depends_on)}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    ${downgrades if downgrades else "pass"}
