"""The road from a wish to a better version: datasets, evaluations, verdicts, refreshes; training runs that can be paused.

New tables, and empty columns of one that is small: nothing is rewritten.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
STATES = "state in ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')"
BEFORE = "state in ('queued', 'running', 'succeeded', 'failed')"
WISHES = "wish in ('pause', 'cancel')"
# What is kept of a dataset and of a verdict is what was decided by: none of it changes afterwards.
KEEP = """
create function {table}_keep() returns trigger language plpgsql as $$
begin
  raise exception '{table}: what is kept of % does not change', old.id using errcode = 'restrict_violation';
end $$;
create trigger {table}_keep before update on {table} for each row when ({when}) execute function {table}_keep();
"""
WHEN = {
    "datasets": "old.state = 'succeeded' and (old.plan, old.digest, old.rows, old.card)"
    " is distinct from (new.plan, new.digest, new.rows, new.card)",
    "verdicts": "old is distinct from new",
}


def work() -> list[sa.Column[Any]]:
    """The columns of a table of work."""
    return [
        sa.Column("asked_by", sa.String(), nullable=True),
        sa.Column("state", sa.String(), server_default="queued", nullable=False),
        sa.Column("wish", sa.String(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("losses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("incarnation", sa.Uuid(), nullable=True),
        sa.Column("progress", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("activity", sa.String(), nullable=True),
        sa.Column("measures", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("error", JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
    ]


def rules(table: str) -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("(state = 'running') = (incarnation is not null)", name=op.f(f"ck_{table}_held")),
        sa.CheckConstraint(STATES, name=op.f(f"ck_{table}_state")),
        sa.CheckConstraint(WISHES, name=op.f(f"ck_{table}_wish")),
        sa.CheckConstraint("progress between 0 and 1", name=op.f(f"ck_{table}_progress")),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        *references(table, incarnation="incarnations.id"),
    ]


def references(table: str, **columns: str) -> list[sa.Constraint]:
    """Column by column, the column that it refers to."""
    return [
        sa.ForeignKeyConstraint([column], [to], name=f"fk_{table}_{column}_{to.partition('.')[0]}")
        for column, to in columns.items()
    ]


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _datasets()
    _evaluations()
    _refreshes()
    for table, when in WHEN.items():
        op.execute(KEEP.format(table=table, when=when))
    op.add_column("training_runs", sa.Column("dataset_id", sa.Uuid(), nullable=True))
    op.add_column("training_runs", sa.Column("wish", sa.String(), nullable=True))
    op.create_foreign_key(
        "fk_training_runs_dataset_id_datasets", "training_runs", "datasets", ["dataset_id"], ["id"]
    )
    op.create_check_constraint(op.f("ck_training_runs_wish"), "training_runs", WISHES)
    op.drop_constraint(op.f("ck_training_runs_state"), "training_runs")
    op.create_check_constraint(op.f("ck_training_runs_state"), "training_runs", STATES)


def _datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("plan", JSONB(), nullable=False),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("rows", JSONB(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("card", JSONB(), nullable=True),
        *work(),
        *rules("datasets"),
        *references("datasets", deployment="deployments.name"),
    )
    op.create_index("ix_datasets_deployment", "datasets", ["deployment"])
    op.create_index("ix_datasets_digest", "datasets", ["digest"])
    _queue("datasets")


def _queue(table: str) -> None:
    op.create_index(f"ix_{table}_queue", table, ["created_at"], postgresql_where=sa.text("state = 'queued'"))


def _evaluations() -> None:
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("challenger_id", sa.Uuid(), nullable=False),
        sa.Column("champion_id", sa.Uuid(), nullable=True),
        sa.Column("suite", JSONB(), nullable=False),
        sa.Column("results", JSONB(), nullable=True),
        *work(),
        *rules("evaluations"),
        *references(
            "evaluations",
            deployment="deployments.name",
            challenger_id="versions.id",
            champion_id="versions.id",
        ),
    )
    op.create_index("ix_evaluations_deployment", "evaluations", ["deployment"])
    op.create_index("ix_evaluations_challenger_id", "evaluations", ["challenger_id"])
    _queue("evaluations")
    op.create_table(
        "verdicts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("plan", JSONB(), nullable=False),
        sa.Column("results", JSONB(), nullable=False),
        sa.Column("reasons", JSONB(), nullable=False),
        sa.Column("details", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "decision in ('accept', 'reject', 'needs_human')", name=op.f("ck_verdicts_decision")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
        *references("verdicts", evaluation_id="evaluations.id"),
    )
    op.create_index("ix_verdicts_evaluation_id", "verdicts", ["evaluation_id"])


def _refreshes() -> None:
    op.create_table(
        "refreshes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("champion_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), server_default="curating", nullable=False),
        sa.Column("plan", JSONB(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("error", JSONB(), nullable=True),
        sa.Column("dataset_id", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("version_id", sa.Uuid(), nullable=True),
        sa.Column("evaluation_id", sa.Uuid(), nullable=True),
        sa.Column("verdict_id", sa.Uuid(), nullable=True),
        sa.Column("rollout_id", sa.Uuid(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state in ('cancelled', 'parked', 'refused', 'released', 'rolled_back')) = (ended_at is not null)",
            name=op.f("ck_refreshes_ended"),
        ),
        sa.CheckConstraint(
            "state in ('curating', 'training', 'evaluating', 'waiting', 'releasing', 'released', 'refused',"
            " 'rolled_back', 'parked', 'cancelled')",
            name=op.f("ck_refreshes_state"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_refreshes"),
        sa.UniqueConstraint("request_id", name="uq_refreshes_request_id"),
        *references(
            "refreshes",
            deployment="deployments.name",
            request_id="retraining_requests.id",
            champion_id="versions.id",
            dataset_id="datasets.id",
            run_id="training_runs.id",
            version_id="versions.id",
            evaluation_id="evaluations.id",
            verdict_id="verdicts.id",
            rollout_id="rollouts.id",
        ),
    )
    op.create_index("ix_refreshes_deployment_began_at", "refreshes", ["deployment", "began_at"])
    op.create_index("ix_refreshes_version_id", "refreshes", ["version_id"])
    op.create_index(
        "uq_refreshes_open",
        "refreshes",
        ["deployment"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_constraint(op.f("ck_training_runs_wish"), "training_runs")
    op.drop_constraint(op.f("ck_training_runs_state"), "training_runs")
    op.execute("update training_runs set state = 'queued' where state = 'paused'")
    op.execute("update training_runs set state = 'failed' where state = 'cancelled'")
    op.create_check_constraint(op.f("ck_training_runs_state"), "training_runs", BEFORE)
    op.drop_constraint("fk_training_runs_dataset_id_datasets", "training_runs")
    op.drop_column("training_runs", "wish")
    op.drop_column("training_runs", "dataset_id")
    for table in ("refreshes", "verdicts", "evaluations", "datasets"):
        op.drop_table(table)
    for table in WHEN:
        op.execute(f"drop function {table}_keep()")
