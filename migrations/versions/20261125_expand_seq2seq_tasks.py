"""A deployment may translate or summarise.

Older code makes no such deployment and serves the others unchanged. The constraint is checked against the rows that
are there, which are few; the lock lasts as long.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NAME = "ck_deployments_task"
BEFORE = (
    "text-generation",
    "text-classification",
    "token-classification",
    "fill-mask",
    "question-answering",
    "feature-extraction",
)
AFTER = (*BEFORE, "translation", "summarization")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _allow(AFTER)


def downgrade() -> None:
    """Fails while there is a deployment of a task that the older schema does not have: delete it first."""
    op.execute("set local lock_timeout = '5s'")
    _allow(BEFORE)


def _allow(tasks: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(NAME), "deployments")
    op.create_check_constraint(op.f(NAME), "deployments", f"task in {tasks!r}")
