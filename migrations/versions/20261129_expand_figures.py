"""Figures of each version by hour and by day; feedback that knows when its job ended; turns of conversations.

Only empty columns are added. The index on feedback holds who says something until it is built: a second for a million.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TURNS = ("begins", "again")
JSON = ("counts", "tallies", "means", "said")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "figures",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("span", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.Column(name, postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False)
            for name in JSON
        ),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("computed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_figures_version_id_versions"),
        sa.PrimaryKeyConstraint("version_id", "span", "since", name="pk_figures"),
        sa.CheckConstraint("span in ('hour', 'day')", name=op.f("ck_figures_span")),
    )
    op.create_index("ix_figures_seq", "figures", ["seq"], postgresql_where=sa.text("seq is not null"))
    op.add_column("feedback", sa.Column("at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_feedback_version_id_at", "feedback", ["version_id", "at"])
    for name in TURNS:
        op.add_column("observations", sa.Column(name, sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for name in TURNS:
        op.drop_column("observations", name)
    op.drop_index("ix_feedback_version_id_at", "feedback")
    op.drop_column("feedback", "at")
    op.drop_table("figures")
