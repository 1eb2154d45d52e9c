"""Answered jobs with their observations, at whatever moment, as workers and `observe` leave them; and what is said of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, literal_column, update
from sqlalchemy.orm import Session

from mainspring.identifiers import uuid7
from mainspring.observe.eyes import Eyes
from mainspring.observe.look import look
from mainspring.tables import Database, Feedback, Job, Observation
from mainspring.tables.partitions import ensure
from tests.rows import submit

USUAL = {"state": "succeeded", "queue_seconds": 0.1, "first_token_seconds": 0.2, "total_seconds": 1.1}


def place(database: Database, moment: datetime) -> None:
    with database.begin() as connection:
        ensure(connection, Observation.__tablename__, moment, weeks=1)


def ended(session: Session, version: UUID, at: datetime, **more: Any) -> UUID:
    """Of a job that is there, so that something may be said of it. `output`: its answer."""
    output = more.pop("output", {"label": "cat"})
    job = submit(session)
    session.execute(update(Job).where(Job.id == job).values(state="succeeded", output=output, finished_at=at))
    observe(session, version, [at], job_id=job, **more)
    return job


def observe(session: Session, version: UUID, moments: Sequence[datetime], **more: Any) -> None:
    """Of jobs that nobody asks about any more; looked at, unless `seq` is None."""
    order = {} if "seq" in more else {"seq": func.nextval(literal_column("'observations_seq'"))}
    rows = [{"job_id": uuid7(), "version_id": version, "at": at} | USUAL | more for at in moments]
    session.execute(insert(Observation).values(**order), rows)


def hear(database: Database) -> int:
    """What was said since takes its place; nothing is seen."""
    with database.begin() as connection:
        return look(connection, Eyes(None, None)).heard


def say(session: Session, job: UUID, kind: str, value: Any, name: str | None = None) -> None:
    session.add(Feedback(id=uuid7(), job_id=job, kind=kind, name=name, value=value))
    session.flush()
