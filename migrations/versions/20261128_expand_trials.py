"""Trials: answers that no client sees, of the shadow of live traffic and of stored prompts; and environments.

Older code begins no rollout that tests or shadows, holds whatever is live, and leaves trials waiting.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ENDED = "'promoted', 'rolled_back', 'aborted'"
BEFORE = f"state in ('loading', 'canary', 'waiting', {ENDED})"
STATES = f"state in ('loading', 'testing', 'shadow', 'canary', 'waiting', {ENDED})"
ENVIRONMENTS = "environment in ('all', 'testing', 'staging', 'production')"
TRIAL_STATES = "state in ('waiting', 'running', 'done', 'failed')"


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "prompt_sets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.name"], name="fk_prompt_sets_deployment_deployments"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_prompt_sets"),
        sa.UniqueConstraint("deployment", "name", name="uq_prompt_sets_deployment_name"),
    )
    op.create_table(
        "prompts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("set_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("input", postgresql.JSONB(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("expected", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["set_id"], ["prompt_sets.id"], name="fk_prompts_set_id_prompt_sets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_prompts"),
        sa.UniqueConstraint("set_id", "position", name="uq_prompts_set_id_position"),
    )
    _trials()
    op.drop_constraint("ck_rollouts_state", "rollouts")
    op.create_check_constraint(op.f("ck_rollouts_state"), "rollouts", STATES)
    op.add_column("rollouts", sa.Column("shadowed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("incarnations", sa.Column("environment", sa.String(), server_default="all", nullable=False))
    op.create_check_constraint(op.f("ck_incarnations_environment"), "incarnations", ENVIRONMENTS)


def _trials() -> None:
    op.create_table(
        "trials",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("rollout_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("prompt_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), server_default="waiting", nullable=False),
        sa.Column("incarnation", sa.Uuid(), nullable=True),
        sa.Column("losses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("output", postgresql.JSON(), nullable=True),
        sa.Column("usage", postgresql.JSONB(), nullable=True),
        sa.Column("error", postgresql.JSONB(), nullable=True),
        sa.Column("agreement", sa.Double(), nullable=True),
        sa.Column("right", sa.Boolean(), nullable=True),
        sa.Column("first_token_seconds", sa.Double(), nullable=True),
        sa.Column("engine_seconds", sa.Double(), nullable=True),
        sa.Column("mean_logprob", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(TRIAL_STATES, name=op.f("ck_trials_state")),
        sa.CheckConstraint("(job_id is null) <> (prompt_id is null)", name=op.f("ck_trials_source")),
        sa.CheckConstraint("(state = 'running') = (incarnation is not null)", name=op.f("ck_trials_held")),
        sa.CheckConstraint(
            "(state in ('done', 'failed')) = (finished_at is not null)", name=op.f("ck_trials_ended")
        ),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_trials_version_id_versions"),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name="fk_trials_rollout_id_rollouts"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_trials_job_id_jobs", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["prompt_id"], ["prompts.id"], name="fk_trials_prompt_id_prompts", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["incarnation"], ["incarnations.id"], name="fk_trials_incarnation_incarnations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_trials"),
        sa.UniqueConstraint("version_id", "job_id", name="uq_trials_version_id_job_id"),
        sa.UniqueConstraint("version_id", "prompt_id", name="uq_trials_version_id_prompt_id"),
    )
    for name, columns, where in (
        ("ix_trials_waiting", ["version_id", "id"], "state = 'waiting'"),
        ("ix_trials_held", ["incarnation"], "state = 'running'"),
        ("ix_trials_rollout_id", ["rollout_id"], "rollout_id is not null"),
        ("ix_trials_job_id", ["job_id"], "job_id is not null"),
        ("ix_trials_prompt_id", ["prompt_id"], "prompt_id is not null"),
    ):
        op.create_index(name, "trials", columns, postgresql_where=sa.text(where))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_column("incarnations", "environment")
    op.drop_column("rollouts", "shadowed_at")
    op.execute("update rollouts set state = 'loading' where state in ('testing', 'shadow')")
    op.drop_constraint("ck_rollouts_state", "rollouts")
    op.create_check_constraint(op.f("ck_rollouts_state"), "rollouts", BEFORE)
    op.drop_table("trials")
    op.drop_table("prompts")
    op.drop_table("prompt_sets")
