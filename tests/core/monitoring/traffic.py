"""Observed requests, as the task `observe` leaves them, about subjects that are directions in a small space."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import func, insert, literal_column, select
from sqlalchemy.orm import Session

from mainspring.identifiers import uuid7
from mainspring.observe.vectors import packed
from mainspring.tables import Observation, Reference

DIMENSIONS = 16


def about(rng: np.random.Generator, subject: int, count: int) -> np.ndarray:
    """[count, 16]"""
    centre = np.zeros(DIMENSIONS)
    centre[subject] = 3
    return (centre + rng.normal(size=(count, DIMENSIONS))).astype(np.float32)


def observe(session: Session, version: UUID, vectors: np.ndarray, **more: Any) -> list[UUID]:
    """As many as there are vectors, in order, one a second behind those that are there; `more`: columns of all of them.

    The first comes with a minute, less than an hour ago: which of them share one does not depend on when the test runs.
    """
    jobs = [uuid7() for _ in vectors]
    latest = session.scalar(select(func.max(Observation.at)).where(Observation.version_id == version))
    minute = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    began = (latest or minute - timedelta(hours=1)) + timedelta(seconds=1)
    usual = {"state": "succeeded", "queue_seconds": 0.1, "total_seconds": 1.0}
    session.execute(
        insert(Observation).values(seq=func.nextval(literal_column("'observations_seq'"))),
        [
            usual
            | {
                "job_id": job,
                "version_id": version,
                "at": began + timedelta(seconds=place),
                "words_prompt": words,
            }
            | more
            for place, (job, words) in enumerate(zip(jobs, packed(vectors), strict=True))
        ],
    )
    return jobs


def reference(session: Session, version: UUID) -> UUID:
    """One that says nothing, for readings and alarms that need one."""
    made = Reference(
        id=uuid7(),
        version_id=version,
        origin="traffic",
        size=1,
        first_seq=1,
        last_seq=1,
        digest="",
        content=b"",
        made_by="test",
        reason="",
    )
    session.add(made)
    session.flush()
    return made.id
