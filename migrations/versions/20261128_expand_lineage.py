"""What a version comes from is kept with it (its tokenizer, its dataset, the size of its files), as is when it was
registered again and who asked for a run; and what a version was registered with is never changed.

Older code leaves the new columns empty, and of a version changes its stage and when its files were deleted.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# What older code did not know may be filled in later, once.
KEPT = """
    create function version_is_kept() returns trigger language plpgsql as $$
    declare changed text;
    begin
        changed = case
            when new.deployment <> old.deployment or new.number <> old.number then 'name'
            when new.digest <> old.digest or new.path <> old.path then 'digest'
            when new.files is distinct from old.files and old.files is not null then 'files'
            when new.source <> old.source then 'source'
            when new.architecture <> old.architecture or new.parameters <> old.parameters then 'architecture'
            when new.bytes is distinct from old.bytes and old.bytes is not null then 'bytes'
            when new.tokenizer is distinct from old.tokenizer and old.tokenizer is not null then 'tokenizer'
            when new.dataset is distinct from old.dataset and old.dataset is not null then 'dataset'
        end;
        if changed is not null then
            raise exception 'a version is immutable, its % too', changed using errcode = '23514';
        end if;
        return new;
    end $$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("versions", sa.Column("bytes", sa.BigInteger(), nullable=True))
    op.add_column("versions", sa.Column("tokenizer", postgresql.JSONB(), nullable=True))
    op.add_column("versions", sa.Column("dataset", postgresql.JSONB(), nullable=True))
    op.add_column("versions", sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("training_runs", sa.Column("asked_by", sa.String(), nullable=True))
    op.execute(KEPT)
    op.execute(
        "create trigger version_is_kept before update on versions"
        " for each row execute function version_is_kept()"
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop trigger version_is_kept on versions")
    op.execute("drop function version_is_kept()")
    op.drop_column("training_runs", "asked_by")
    for name in ("registered_at", "dataset", "tokenizer", "bytes"):
        op.drop_column("versions", name)
