"""The whole road in one process: an ops worker's rounds and the train worker's work take turns, with all that is real."""

from pathlib import Path
from typing import Any
from uuid import UUID

from celery import Celery
from redis import Redis
from sqlalchemy import select

from mainspring.identifiers import uuid7
from mainspring.monitor import deciding
from mainspring.settings import Settings
from mainspring.tables import Database, Dataset, Deployment, Event, Refresh, Task, Version
from mainspring.tracing import UNTRACED
from mainspring.training.runs import request_run
from tests.workers.rounds import connections
from workers.app import create_app
from workers.gpu.train import train
from workers.postman import Postman
from workers.refreshing import refresh_once

OLD, NEW = "gear", "river"
QUICK = {"steps": 30, "batch_size": 4, "block_length": 32, "learning_rate": 3e-3}


def write(folder: Path, subject: str, many: int = 60) -> Path:
    """Documents about one subject, each another one."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(many):
        said = f"The {subject} number {number} is {number * 7 % 31} wide and meets {subject} {number * 5 % 17} by noon."
        (folder / f"{number}.md").write_text(f"{subject.title()} {number}\n=========\n\n{said}")
    return folder


def plan(folder: Path, **more: Any) -> dict[str, Any]:
    """A policy's `refresh` that learns from a folder."""
    return {"curate": curate(folder), "parameters": QUICK, "retry_seconds": 0.0, **more}


def curate(folder: Path) -> dict[str, Any]:
    return {
        "uploads": [{"path": str(folder)}],
        "least": 10,
        "near_duplicates": None,
        "quality": False,
        "held_out": 0.3,
    }


class Town:
    """A deployment `d` of causal models, whose first version has learned from `old`."""

    def __init__(
        self, settings: Settings, database: Database, redis: Redis, policy: dict[str, Any], old: Path
    ) -> None:
        self.settings, self.database = settings, database
        self.app: Celery = create_app(settings, "ops", [])
        self.use = connections(settings, database, redis, Postman(settings, database, UNTRACED))
        dataset = self.dataset(policy, old)
        with database.transaction() as session:
            parameters = QUICK | {"steps": 60}
            request_run(session, "d", "continued-pretraining", parameters, dataset=dataset)
        train(settings, lambda: False)

    def dataset(self, policy: dict[str, Any], old: Path) -> Dataset:
        with self.database.transaction() as session:
            session.add(Deployment(name="d", task=Task.TEXT_GENERATION.value, policy=policy))
            session.flush()
            row = Dataset(id=uuid7(), deployment="d", plan=curate(old))
            session.add(row)
        train(self.settings, lambda: False)
        with self.database.transaction() as session:
            found = session.get_one(Dataset, row.id)
            assert found.error is None
            return found

    def ask(self) -> None:
        with self.database.transaction() as session:
            deciding.ask(session, "d", actor="key 1", reason="the world has moved")

    def round(self) -> Refresh:
        """One of the ops worker, and all that waits for the train worker."""
        refresh_once(self.app, self.use)
        train(self.settings, lambda: False)
        return self.refresh()

    def refresh(self) -> Refresh:
        with self.database.transaction() as session:
            return session.query(Refresh).order_by(Refresh.began_at.desc()).limit(1).one()

    def until_ended(self, most: int = 20) -> Refresh:
        for _ in range(most):
            if (found := self.round()).ended_at is not None:
                return found
        raise AssertionError((found.state, found.reason, found.error))

    def version(self, id_: UUID | None) -> Version:
        with self.database.transaction() as session:
            return session.get_one(Version, id_)

    def events(self) -> list[Event]:
        """The oldest first."""
        with self.database.transaction() as session:
            return list(session.scalars(select(Event).order_by(Event.id)))
