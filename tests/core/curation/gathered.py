"""What the tests of curating begin from: answered jobs, files of rows, and a dataset made of them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from pyarrow import parquet
from sqlalchemy import update

from mainspring.curation import files
from mainspring.curation.curating import curate
from mainspring.curation.excluded import NAME
from mainspring.curation.plan import curation_plan
from mainspring.curation.rows import Row, Split
from mainspring.curation.surroundings import Curated, Surroundings, Tell
from mainspring.identifiers import uuid7
from mainspring.tables import Database, Feedback, Job
from mainspring.terms import Task
from tests.rows import champion, submit

NOW = datetime(2030, 1, 1, tzinfo=UTC)  # after everything that a test does


class Curating:
    """A deployment with a version in production, and a folder of datasets."""

    def __init__(self, database: Database, home: Path, task: Task = Task.TEXT_GENERATION) -> None:
        self.database, self.home, self.task = database, home, task
        self.datasets = home / "datasets"
        self.datasets.mkdir(parents=True, exist_ok=True)
        with database.transaction() as session:
            champion(session, task=task.value)

    def job(self, asked: Any, answered: Any = None, *, days: float = 1, **more: Any) -> UUID:
        """One that succeeded, asked so many days before NOW."""
        output = answered if isinstance(answered, dict) else {"text": answered or "an answer"}
        with self.database.transaction() as session:
            job = submit(session, input=asked, **more)
            at = NOW - timedelta(days=days)
            session.execute(
                update(Job)
                .where(Job.id == job)
                .values(state="succeeded", output=output, created_at=at, finished_at=at)
            )
        return job

    def say(self, job: UUID, kind: str, value: Any) -> None:
        with self.database.transaction() as session:
            session.add(Feedback(id=uuid7(), job_id=job, kind=kind, value=value))

    def file(self, name: str, records: Iterable[Any]) -> str:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
        return str(path)

    def curate(self, name: str = "made", tell: Tell = lambda *_: None, **plan: Any) -> Curated:
        around = Surroundings(self.database, self.datasets, "assistant", self.task, NOW, tell)
        return curate(curation_plan({"least": 2} | plan), around, self.home / name)

    def stored(self, name: str = "made", **plan: Any) -> Curated:
        """Where later ones find it."""
        made = self.curate(name, **plan)
        made.folder.rename(self.datasets / made.digest)
        return made


def rows(made: Curated, *splits: Split) -> list[Row]:
    return [row for split in splits or tuple(Split) for row in files.read(made.folder, split)]


def set_aside(folder: Path) -> dict[str, tuple[str, str]]:
    """By where each was: the step and the reason."""
    return {
        one["source"]: (one["step"], one["reason"]) for one in parquet.read_table(folder / NAME).to_pylist()
    }


SUBJECTS = (
    "tides",
    "glaciers",
    "volcanoes",
    "bridges",
    "violins",
    "beetles",
    "clocks",
    "kites",
    "lanterns",
    "maps",
)
VERBS = (
    "describe",
    "explain",
    "compare",
    "measure",
    "paint",
    "repair",
    "count",
    "collect",
    "imagine",
    "sell",
)


def questions(many: int) -> list[str]:
    """No two of them alike."""
    return [
        f"{VERBS[number % 10]} how {SUBJECTS[number // 10 % 10]} {number * 7919} {VERBS[(number * 3 + 1) % 10]}"
        f" the {SUBJECTS[(number * 7 + 3) % 10]} of {number * 104729 % 9973}"
        for number in range(many)
    ]
