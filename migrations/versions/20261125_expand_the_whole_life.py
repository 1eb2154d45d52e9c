"""A job's whole life: turns of fair queueing, deadlines, sessions, webhooks, feedback, tenants' bounds, key rotation.

Every new column has a default or may be null, so older code goes on: its jobs are of normal priority, first in turn.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
MOMENT = sa.DateTime(timezone=True)
WAITING = "state = 'queued' and after is null"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("weight", sa.Double(), server_default=sa.text("1"), nullable=False))
    op.add_column("tenants", sa.Column("queue_bound", sa.Integer(), nullable=True))
    op.add_column("tenants", sa.Column("running_bound", sa.Integer(), nullable=True))
    op.add_column("tenants", sa.Column("per_minute", sa.Integer(), nullable=True))
    op.create_check_constraint("weight", "tenants", "weight > 0")
    op.add_column("api_keys", sa.Column("expires_at", MOMENT, nullable=True))
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_sessions_tenant_id_tenants")),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name=op.f("fk_sessions_deployment_deployments")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_sessions_version_id_versions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint(
            "tenant_id", "deployment", "name", name=op.f("uq_sessions_tenant_id_deployment_name")
        ),
    )
    op.create_index("ix_sessions_version_id", "sessions", ["version_id"])
    _jobs()
    _feedback_and_webhooks()


def _jobs() -> None:
    op.add_column("jobs", sa.Column("priority", sa.String(), server_default="normal", nullable=False))
    op.add_column("jobs", sa.Column("turn", sa.Double(), server_default=sa.text("0"), nullable=False))
    op.add_column("jobs", sa.Column("deadline_at", MOMENT, nullable=True))
    op.add_column("jobs", sa.Column("session_id", sa.Uuid(), nullable=True))
    op.add_column("jobs", sa.Column("after", sa.Uuid(), nullable=True))
    op.add_column("jobs", sa.Column("subject", sa.String(), nullable=True))
    op.add_column(
        "jobs",
        sa.Column(
            "evidence",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
    )
    op.create_check_constraint("priority", "jobs", "priority in ('high', 'normal', 'low')")
    op.create_foreign_key(op.f("fk_jobs_session_id_sessions"), "jobs", "sessions", ["session_id"], ["id"])
    op.drop_index("ix_jobs_queue", "jobs")
    op.drop_index("ix_jobs_held", "jobs")
    op.create_index("ix_jobs_queue", "jobs", ["version_id", "turn", "id"], postgresql_where=sa.text(WAITING))
    op.create_index(
        "ix_jobs_flow",
        "jobs",
        ["version_id", "tenant_id", "priority", "turn"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_jobs_held",
        "jobs",
        ["version_id", "turn", "incarnation"],
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_jobs_deadline",
        "jobs",
        ["deadline_at"],
        postgresql_where=sa.text("state in ('queued', 'running') and deadline_at is not null"),
    )
    op.create_index(
        "ix_jobs_suspect",
        "jobs",
        ["version_id"],
        postgresql_where=sa.text("state = 'queued' and losses >= 2"),
    )
    op.create_index(
        "ix_jobs_session", "jobs", ["session_id", "id"], postgresql_where=sa.text("session_id is not null")
    )
    op.create_index("ix_jobs_after", "jobs", ["after"], postgresql_where=sa.text("after is not null"))
    op.create_index("ix_jobs_tenant_id_deployment_id", "jobs", ["tenant_id", "deployment", "id"])
    op.create_index("ix_jobs_tenant_id_state_id", "jobs", ["tenant_id", "state", "id"])


def _feedback_and_webhooks() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("value", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "kind in ('rating', 'correction', 'label', 'outcome')", name=op.f("ck_feedback_kind")
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_feedback_job_id_jobs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index("ix_feedback_job_id", "feedback", ["job_id"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state in ('waiting', 'delivered', 'abandoned')", name=op.f("ck_deliveries_state")
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_deliveries_job_id_jobs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("job_id", name=op.f("uq_deliveries_job_id")),
    )
    op.create_index(
        "ix_deliveries_due", "deliveries", ["next_at"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_table(
        "delivery_tries",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["deliveries.id"],
            name=op.f("fk_delivery_tries_delivery_id_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_delivery_tries")),
    )


def downgrade() -> None:
    for table in ("delivery_tries", "deliveries", "feedback"):
        op.drop_table(table)
    for index in (
        "ix_jobs_tenant_id_state_id",
        "ix_jobs_tenant_id_deployment_id",
        "ix_jobs_after",
        "ix_jobs_session",
        "ix_jobs_suspect",
        "ix_jobs_deadline",
        "ix_jobs_held",
        "ix_jobs_flow",
        "ix_jobs_queue",
    ):
        op.drop_index(index, "jobs")
    for column in (
        "evidence",
        "subject",
        "after",
        "session_id",
        "deadline_at",
        "turn",
        "priority",
    ):
        op.drop_column("jobs", column)
    op.create_index(
        "ix_jobs_queue", "jobs", ["version_id", "queued_at"], postgresql_where=sa.text("state = 'queued'")
    )
    op.create_index("ix_jobs_held", "jobs", ["incarnation"], postgresql_where=sa.text("state = 'running'"))
    op.drop_table("sessions")
    op.drop_column("api_keys", "expires_at")
    for column in ("per_minute", "running_bound", "queue_bound", "weight"):
        op.drop_column("tenants", column)
