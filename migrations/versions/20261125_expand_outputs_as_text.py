"""Outputs are kept as JSON text: nobody searches them, and JSONB parses every number of a vector twice.

Not compressed either: digits hardly shrink, and the attempt costs more than the bytes. Older code reads and writes
the new type unchanged.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table jobs alter column output type json using output::json")
    op.execute("alter table jobs alter column output set storage external")


def downgrade() -> None:
    op.execute("alter table jobs alter column output set storage extended")
    op.execute("alter table jobs alter column output type jsonb using output::jsonb")
