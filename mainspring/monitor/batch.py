"""Observations as columns of numbers: what references are made of and detectors are given."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Double, cast, select
from sqlalchemy.engine import Row

from mainspring.observe.vectors import unpacked
from mainspring.tables import JobState, Observation

VECTORS = ("words_prompt", "encoded_prompt", "words_answer", "encoded_answer")
_OF = Observation
# What is not measured of a job is null in its row and NaN in its column.
NUMBERS: dict[str, Any] = {
    "prompt_tokens": cast(_OF.prompt_tokens, Double),
    "answer_tokens": cast(_OF.completion_tokens, Double),
    "log_probability": _OF.mean_logprob,
    "margin": _OF.measures["margin"].as_float(),
    "entropy": _OF.measures["entropy"].as_float(),
    "prompt_log_probability": _OF.measures["prompt_logprob"].as_float(),
    "queue_seconds": _OF.queue_seconds,
    "first_token_seconds": _OF.first_token_seconds - _OF.queue_seconds,
    "answering_seconds": _OF.total_seconds - _OF.queue_seconds,
}
_COLUMNS = [
    _OF.seq,
    _OF.at,
    _OF.job_id,
    _OF.tenant_id,
    _OF.language,
    *(getattr(_OF, name) for name in VECTORS),
    *(column.label(name) for name, column in NUMBERS.items()),
]


@dataclass(frozen=True)
class Batch:
    """Of answered jobs of one version, in the order in which they were looked at. Columns are of equal length."""

    seqs: Sequence[int]
    moments: Sequence[datetime]
    jobs: Sequence[UUID]
    tenants: Sequence[UUID | None]
    languages: Sequence[str | None]
    numbers: dict[str, NDArray[np.float64]]
    vectors: dict[
        str, tuple[NDArray[np.int64], NDArray[np.float32]]
    ]  # places in the batch, [places, dimensions]

    def __len__(self) -> int:
        return len(self.seqs)

    def segments(self) -> dict[str, list[str]]:
        """By what requests are told apart, the part that each belongs to; empty: to none."""
        return {
            "language": [f"language={one}" if one else "" for one in self.languages],
            "tenant": [f"tenant={one}" if one else "" for one in self.tenants],
        }


def after(connection: Connection, version: UUID, seq: int, most: int) -> Batch:
    """The next answered ones of a version behind that place in the order."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(_OF.version_id == version, _OF.seq > seq, _OF.state == JobState.SUCCEEDED.value)
        .order_by(_OF.seq)
        .limit(most)
    ).all()
    return _batch(rows)


def last(connection: Connection, version: UUID, until: int, most: int) -> Batch:
    """The last so many up to that place, oldest first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(_OF.version_id == version, _OF.seq <= until, _OF.state == JobState.SUCCEEDED.value)
        .order_by(_OF.seq.desc())
        .limit(most)
    ).all()
    return _batch(rows[::-1])


def _batch(rows: Sequence[Row[Any]]) -> Batch:
    numbers = {
        name: np.array([getattr(row, name) for row in rows], np.float64)  # None becomes NaN
        for name in NUMBERS
    }
    return Batch(
        [row.seq for row in rows],
        [row.at for row in rows],
        [row.job_id for row in rows],
        [row.tenant_id for row in rows],
        [row.language for row in rows],
        numbers,
        {name: _vectors([getattr(row, name) for row in rows]) for name in VECTORS},
    )


def _vectors(column: list[bytes | None]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    places = [place for place, packed in enumerate(column) if packed is not None]
    return np.array(places, np.int64), unpacked([packed for packed in column if packed is not None])
