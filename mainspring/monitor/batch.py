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
from mainspring.tables import Feedback, JobState, Observation, constant

VECTORS = ("words_prompt", "encoded_prompt", "words_answer", "encoded_answer")
# The encoder's sample has both kinds of vectors, which see more side by side than each alone.
BESIDE = {"encoded_prompt": "words_prompt", "encoded_answer": "words_answer"}
_OF = Observation
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
# Who cancels has changed his mind; that says nothing of the version.
_COUNTS = _OF.state != constant(JobState.CANCELLED)
_COLUMNS = [
    _OF.seq,
    _OF.state,
    _OF.at,
    _OF.job_id,
    _OF.tenant_id,
    _OF.language,
    *(getattr(_OF, name) for name in VECTORS),
    *(column.label(name) for name, column in NUMBERS.items()),
]

Placed = tuple[NDArray[np.int64], NDArray[np.float32]]  # places in the batch, [places, dimensions]


@dataclass(frozen=True)
class Batch:
    """Of ended jobs of one version, in the order in which they were looked at. Columns are of equal length.

    `failed`: it got no answer. What is not measured of a job is NaN in its column.
    """

    seqs: Sequence[int]
    moments: Sequence[datetime]
    jobs: Sequence[UUID]
    tenants: Sequence[UUID | None]
    languages: Sequence[str | None]
    failed: NDArray[np.bool_]
    numbers: dict[str, NDArray[np.float64]]
    vectors: dict[
        str, tuple[NDArray[np.int64], NDArray[np.float32]]
    ]  # places in the batch, [places, dimensions]

    def __len__(self) -> int:
        return len(self.seqs)


@dataclass(frozen=True)
class Said:
    """[n] each: what was said of a version's answers, by its place in the order, as losses."""

    seqs: NDArray[np.int64]
    losses: NDArray[np.float64]


def after(connection: Connection, version: UUID, seq: int, most: int) -> Batch:
    """The next ones of a version behind that place in the order."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(_OF.version_id == version, _OF.seq > seq, _COUNTS)
        .order_by(_OF.seq)
        .limit(most)
    ).all()
    return _batch(rows)


def last(connection: Connection, version: UUID, until: int, most: int) -> Batch:
    """The last so many up to that place, oldest first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(_OF.version_id == version, _OF.seq <= until, _COUNTS)
        .order_by(_OF.seq.desc())
        .limit(most)
    ).all()
    return _batch(rows[::-1])


def said(connection: Connection, version: UUID, seq: int, until: int) -> Said:
    """Of its answers, between two places in the order."""
    rows = connection.execute(
        select(Feedback.seq, Feedback.loss)
        .where(Feedback.version_id == version, Feedback.seq > seq, Feedback.seq <= until)
        .where(Feedback.loss.is_not(None))
        .order_by(Feedback.seq)
    ).all()
    return Said(
        np.array([row.seq for row in rows], np.int64), np.array([row.loss for row in rows], np.float64)
    )


def _batch(rows: Sequence[Row[Any]]) -> Batch:
    return Batch(
        seqs=[row.seq for row in rows],
        moments=[row.at for row in rows],
        jobs=[row.job_id for row in rows],
        tenants=[row.tenant_id for row in rows],
        languages=[row.language for row in rows],
        failed=np.array([row.state != JobState.SUCCEEDED for row in rows], np.bool_),
        numbers={name: np.array([getattr(row, name) for row in rows], np.float64) for name in NUMBERS},
        vectors=_side_by_side({name: _vectors([getattr(row, name) for row in rows]) for name in VECTORS}),
    )


def _side_by_side(found: dict[str, Placed]) -> dict[str, Placed]:
    """Of unit length each, where a request has both."""
    for name, other in BESIDE.items():
        (places, rows), (others, words) = found[name], found[other]
        both, mine, theirs = np.intersect1d(places, others, return_indices=True)
        if len(both):
            found[name] = both, np.concatenate([_unit(rows[mine]), _unit(words[theirs])], axis=1)
    return found


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)


def _vectors(column: list[bytes | None]) -> Placed:
    places = [place for place, packed in enumerate(column) if packed is not None]
    return np.array(places, np.int64), unpacked([packed for packed in column if packed is not None])
