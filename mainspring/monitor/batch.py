"""Observations as columns of numbers: what references are made of and detectors are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Double, cast, select
from sqlalchemy.engine import Row

from mainspring.drift.sphere import unit
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
_ANSWERED = _OF.state == constant(JobState.SUCCEEDED)
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
_NONE: Placed = (np.zeros(0, np.int64), np.zeros((0, 0), np.float32))


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
    vectors: dict[str, Placed]

    def __len__(self) -> int:
        return len(self.seqs)

    def like(self, reference: Mapping[str, NDArray[Any]]) -> "Batch":
        """Without vectors of another width than the reference's: another encoder made them."""
        fit = {
            name: (places, rows)
            if name in reference and rows.shape[1:] == reference[name].shape[1:]
            else _NONE
            for name, (places, rows) in self.vectors.items()
        }
        return replace(self, vectors=fit)


@dataclass(frozen=True)
class Said:
    """[n] each: what was said of a version's answers, by its place in the order, as losses."""

    seqs: NDArray[np.int64]
    losses: NDArray[np.float64]


def after(connection: Connection, version: UUID, seq: int, most: int, *, answered: bool = False) -> Batch:
    """The next ones of a version behind that place in the order; or the next of those that were answered."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(_OF.version_id == version, _OF.seq > seq, _ANSWERED if answered else _COUNTS)
        .order_by(_OF.seq)
        .limit(most)
    ).all()
    return _batch(rows)


def last(connection: Connection, version: UUID, until: int, most: int, *, answered: bool = False) -> Batch:
    """The last so many up to that place, oldest first; or the last of those that were answered."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(_OF.version_id == version, _OF.seq <= until, _ANSWERED if answered else _COUNTS)
        .order_by(_OF.seq.desc())
        .limit(most)
    ).all()
    return _batch(rows[::-1])


def first_said(connection: Connection, version: UUID, seq: int, until: int, most: int) -> list[float]:
    """The first losses of what was said of its answers behind one place, up to another."""
    found = connection.scalars(
        select(Feedback.loss)
        .where(Feedback.version_id == version, Feedback.seq > seq, Feedback.seq <= until)
        .where(Feedback.loss.is_not(None))
        .order_by(Feedback.seq)
        .limit(most)
    )
    return [float(one) for one in found if one is not None]


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
    columns = zip(*rows, strict=True) if rows else ((),) * len(_COLUMNS)
    found = dict(zip((column.key for column in _COLUMNS), columns, strict=True))
    return Batch(
        seqs=found["seq"],
        moments=found["at"],
        jobs=found["job_id"],
        tenants=found["tenant_id"],
        languages=found["language"],
        failed=np.array([state != JobState.SUCCEEDED for state in found["state"]], np.bool_),
        numbers={name: np.array(found[name], np.float64) for name in NUMBERS},
        vectors=side_by_side({name: _vectors(found[name]) for name in VECTORS}),
    )


def side_by_side(found: dict[str, Placed]) -> dict[str, Placed]:
    """Of the encoder's and the words' vectors, of unit length each, where a request has both."""
    for name, other in BESIDE.items():
        (places, rows), (others, words) = found[name], found[other]
        both, mine, theirs = np.intersect1d(places, others, return_indices=True)
        if not len(both):
            found[name] = _NONE
        else:
            found[name] = both, np.concatenate([unit(rows[mine]), unit(words[theirs])], axis=1)
    return found


def _vectors(column: Sequence[bytes | None]) -> Placed:
    """Of one width, that of the last: the encoder may have been exchanged for another."""
    width = next((len(packed) for packed in reversed(column) if packed is not None), None)
    kept = [
        (place, packed) for place, packed in enumerate(column) if packed is not None and len(packed) == width
    ]
    return np.array([place for place, _ in kept], np.int64), unpacked([packed for _, packed in kept])
