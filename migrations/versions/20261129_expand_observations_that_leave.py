"""Observations in partitions of a week, looked at after the job's end; references, detectors, alarms, decisions, beat.

What was there becomes one partition, up to the end of this week. Holds whoever ends jobs for the time in which its key
is built: a second or two for a million. Older code writes observations as before; they are looked at too.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
WEEKS_AHEAD = 5
VECTORS = ("words_prompt", "words_answer", "encoded_prompt", "encoded_answer")
NEW: dict[str, sa.types.TypeEngine[Any]] = {
    "seq": sa.BigInteger(),
    "tenant_id": sa.Uuid(),
    "session_id": sa.Uuid(),
    "language": sa.String(),
    "sampled": sa.Double(),
    **dict.fromkeys(VECTORS, sa.LargeBinary()),
}
KEPT = (
    "job_id, version_id, at, state, finish_reason, prompt_tokens, completion_tokens, mean_logprob, queue_seconds,"
    " first_token_seconds, total_seconds, measures"
)
FIXED = (
    """
    create function refuse_change_of_reference() returns trigger language plpgsql as $$
    begin
        raise exception 'a reference is never changed' using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger refuse_change before update or delete on drift_references
    for each row execute function refuse_change_of_reference()
    """,
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("create sequence observations_seq")
    _partition()
    _feedback()
    _detectors()
    _decisions()
    for statement in FIXED:
        op.execute(statement)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table in ("beat_runs", "retraining_requests", "drift_decisions", "drift_alarms", "drift_readings"):
        op.drop_table(table)
    op.drop_table("drift_watches")
    op.drop_table("drift_references")
    op.execute("drop function refuse_change_of_reference()")
    op.drop_index("ix_feedback_version_id_seq", "feedback")
    op.drop_index("ix_feedback_unseen", "feedback")
    for column in ("loss", "seq", "version_id"):
        op.drop_column("feedback", column)
    op.execute("alter table observations rename to observations_partitioned")
    op.execute(f"create table observations as select {KEPT} from observations_partitioned")  # noqa: S608  our columns
    op.execute("drop table observations_partitioned")
    op.execute("drop sequence observations_seq")
    op.execute(
        "alter table observations alter at set not null, alter at set default now(), alter state set not null,"
        " alter version_id set not null, alter measures set not null, alter measures set default '{}'::jsonb,"
        " add constraint pk_observations primary key (job_id),"
        " add constraint fk_observations_job_id_jobs foreign key (job_id) references jobs (id) on delete cascade,"
        " add constraint fk_observations_version_id_versions foreign key (version_id) references versions (id)"
    )
    op.create_index("ix_observations_version_id_at", "observations", ["version_id", "at"])


def _partition() -> None:
    """The old table keeps its rows and becomes the first partition."""
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday())
    first = f"observations_{monday:%Y%m%d}"
    op.execute(f"alter table observations rename to {first}")
    op.execute(
        f"alter table {first} drop constraint fk_observations_job_id_jobs,"
        " drop constraint fk_observations_version_id_versions, drop constraint pk_observations,"
        f" add constraint pk_{first} primary key (job_id, at)"
    )
    op.execute(f"alter index ix_observations_version_id_at rename to ix_{first}_version_id_at")
    for name, kind in NEW.items():
        op.add_column(first, sa.Column(name, kind, nullable=True))
    for name in VECTORS:  # numbers that look random: an attempt to compress them costs time alone
        op.execute(f"alter table {first} alter {name} set storage external")
    op.execute(
        f"create table observations (like {first} including defaults including storage) partition by range (at)"
    )
    op.create_primary_key("pk_observations", "observations", ["job_id", "at"])
    op.create_index("ix_observations_version_id_at", "observations", ["version_id", "at"])
    op.create_index("ix_observations_version_id_seq", "observations", ["version_id", "seq"])
    op.create_index("ix_observations_unseen", "observations", ["at"], postgresql_where=sa.text("seq is null"))
    bounds = [monday + timedelta(weeks=number) for number in range(1, WEEKS_AHEAD + 2)]
    # All that is older stands in the first one. A new home has a place for the week before: clocks run late.
    older = op.get_bind().scalar(sa.text(f"select exists (select from {first})"))  # noqa: S608  our name
    since = "minvalue" if older else f"'{monday}Z'"
    op.execute(
        f"alter table observations attach partition {first} for values from ({since}) to ('{bounds[0]}Z')"
    )
    before = [] if older else [(monday - timedelta(weeks=1), monday)]
    for start, end in [*before, *pairwise(bounds)]:
        op.execute(
            f"create table observations_{start:%Y%m%d} partition of observations"
            f" for values from ('{start}Z') to ('{end}Z')"
        )


def _feedback() -> None:
    """What was said of answers has its place among them."""
    op.add_column("feedback", sa.Column("version_id", sa.Uuid(), nullable=True))
    op.add_column("feedback", sa.Column("seq", sa.BigInteger(), nullable=True))
    op.add_column("feedback", sa.Column("loss", sa.Double(), nullable=True))
    op.create_index("ix_feedback_unseen", "feedback", ["created_at"], postgresql_where=sa.text("seq is null"))
    op.create_index("ix_feedback_version_id_seq", "feedback", ["version_id", "seq"])


def _detectors() -> None:
    op.create_table(
        "drift_references",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name="fk_drift_references_version_id_versions"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_drift_references"),
    )
    op.create_index("ix_drift_references_version_id_made_at", "drift_references", ["version_id", "made_at"])
    op.create_table(
        "drift_watches",
        sa.Column("reference_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("latest_seq", sa.BigInteger(), nullable=False),
        sa.Column("latest_requests", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("restarts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("resting", sa.Integer(), server_default="0", nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        _of_reference("drift_watches"),
        sa.PrimaryKeyConstraint("reference_id", name="pk_drift_watches"),
    )
    op.create_table(
        "drift_readings",
        sa.Column("reference_id", sa.Uuid(), nullable=False),
        sa.Column("detector", sa.String(), nullable=False),
        sa.Column("segment", sa.String(), server_default="", nullable=False),
        sa.Column("measure", sa.String(), server_default="evidence", nullable=False),
        sa.Column("span", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        _of_reference("drift_readings"),
        sa.PrimaryKeyConstraint(
            "reference_id", "detector", "segment", "measure", "span", name="pk_drift_readings"
        ),
    )


def _of_reference(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["reference_id"], ["drift_references.id"], name=f"fk_{table}_reference_id_drift_references"
    )


def _decisions() -> None:
    op.create_table(
        "drift_alarms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("detector", sa.String(), nullable=False),
        sa.Column("segment", sa.String(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("crossings", sa.Integer(), server_default="1", nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        _of_reference("drift_alarms"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_drift_alarms_version_id_versions"),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name="fk_drift_alarms_deployment_deployments"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_drift_alarms"),
        sa.CheckConstraint(
            "kind in ('data', 'performance', 'operational')", name=op.f("ck_drift_alarms_kind")
        ),
    )
    op.create_index("ix_drift_alarms_deployment_at", "drift_alarms", ["deployment", "at"])
    op.create_index(
        "uq_drift_alarms_open",
        "drift_alarms",
        ["version_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "drift_decisions",
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name="fk_drift_decisions_deployment_deployments"
        ),
        sa.PrimaryKeyConstraint("deployment", name="pk_drift_decisions"),
        sa.CheckConstraint("state in ('stable', 'watch', 'retrain')", name=op.f("ck_drift_decisions_state")),
    )
    _requests()
    op.create_table(
        "beat_runs",
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("every", sa.Double(), nullable=False),
        sa.Column("runs", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("did", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("overdue", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("task", name="pk_beat_runs"),
    )


def _requests() -> None:
    op.create_table(
        "retraining_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=True),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("alarm_id", sa.Uuid(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="pending", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name="fk_retraining_requests_deployment_deployments"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name="fk_retraining_requests_version_id_versions"
        ),
        sa.ForeignKeyConstraint(
            ["alarm_id"], ["drift_alarms.id"], name="fk_retraining_requests_alarm_id_drift_alarms"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_retraining_requests"),
        sa.CheckConstraint(
            "trigger in ('alarm', 'schedule', 'person')", name=op.f("ck_retraining_requests_trigger")
        ),
        sa.CheckConstraint(
            "state in ('pending', 'taken', 'done', 'withdrawn')", name=op.f("ck_retraining_requests_state")
        ),
    )
    op.create_index(
        "uq_retraining_requests_open",
        "retraining_requests",
        ["deployment"],
        unique=True,
        postgresql_where=sa.text("state in ('pending', 'taken')"),
    )
    op.create_index(
        "ix_retraining_requests_deployment_created_at", "retraining_requests", ["deployment", "created_at"]
    )
