"""The starter deployments: three small models that the product's own recipes make on the first start."""

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.endpoints import database_url
from mainspring.observe.encoder import bundled
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, Event, Task, TrainingRun, Version, WorkState
from mainspring.training.recipes import CONTINUED_PRETRAINING, ENCODER_FINE_TUNING, IMPORT
from mainspring.training.runs import request_run

ACTOR = "starter"


@dataclass(frozen=True)
class Starter:
    """What it is called, what it does, and how it is made."""

    deployment: str
    task: Task
    recipe: str
    parameters: dict[str, Any]


def starters() -> tuple[Starter, ...]:
    """In the order in which they are made: the quickest first. Raises StackError without the bundled encoder."""
    encoder = str(bundled())
    subjects = {
        "language": ["pydoc_data.topics"],
        "mathematics": ["sympy"],
        "learning": ["sklearn"],
        "databases": ["sqlalchemy"],
    }
    return (
        Starter("embedder", Task.FEATURE_EXTRACTION, IMPORT, {"model": encoder}),
        Starter(
            "triage",
            Task.TEXT_CLASSIFICATION,
            ENCODER_FINE_TUNING,
            {"base": encoder, "examples": {"docstrings": subjects}, "batch_size": 16},
        ),
        Starter(
            "assistant",
            Task.TEXT_GENERATION,
            CONTINUED_PRETRAINING,
            {"corpus": {"docstrings": ["pydoc_data.topics"]}, "batch_size": 8, "block_length": 128},
        ),
    )


def ensure(settings: Settings, console: Console) -> None:
    """Declare each starter that is missing and ask for its run; names that exist are left as they are."""
    database = Database(database_url(settings), pool_size=1)
    try:
        for starter in starters():
            if _ensure(database, starter):
                console.print(
                    f"[bold]{starter.deployment}[/] ({starter.task.value}) will be made: {starter.recipe}"
                )
    finally:
        database.close()


def _ensure(database: Database, starter: Starter) -> bool:
    with database.transaction() as session:
        made = session.scalar(
            insert(Deployment)
            .values(name=starter.deployment, task=starter.task.value, policy={})
            .on_conflict_do_nothing()
            .returning(Deployment.name)
        )
        if made is None:
            retired = session.get_one(Deployment, starter.deployment).retired_at is not None
            if retired or not _last_run_failed(session, starter.deployment):
                return False
            request_run(session, starter.deployment, starter.recipe, starter.parameters, asked_by=ACTOR)
            return True
        inputs: dict[str, Any] = {"task": starter.task.value, "policy": {}}
        reason = "a starter deployment of a new home"
        session.add(Event(kind="deployment.made", about=made, actor=ACTOR, reason=reason, inputs=inputs))
        request_run(session, made, starter.recipe, starter.parameters, asked_by=ACTOR)
    return True


def _last_run_failed(session: Session, deployment: str) -> bool:
    """With nothing made before: what went wrong may have been mended since, so it is tried once a start."""
    last = session.scalar(
        select(TrainingRun.state)
        .where(TrainingRun.deployment == deployment)
        .order_by(TrainingRun.created_at.desc())
        .limit(1)
    )
    made = session.scalar(select(Version.id).where(Version.deployment == deployment).limit(1))
    return made is None and last == WorkState.FAILED
