"""What a reference was about: groups of its requests, each named by the words that set it apart. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mainspring.monitor import terms

_MOST, _LEAST = 8, 25  # groups; requests of one
_ROUNDS = 25


@dataclass(frozen=True)
class Subject:
    """`share`: of the reference's requests."""

    words: list[str]
    share: float
    centre: NDArray[np.float32]


def subjects(vectors: NDArray[np.float32], texts: Sequence[str]) -> list[Subject]:
    """Of rows [requests, dimensions] and their texts, the largest first; by spherical k-means (Dhillon, Modha 2001)."""
    rows = _unit(vectors - vectors.mean(axis=0))
    groups = _grouped(rows, max(1, min(_MOST, len(rows) // _LEAST)))
    counts = [
        terms.counted(text for text, of in zip(texts, groups, strict=True) if of == group)
        for group in range(_MOST)
    ]
    whole = sum(counts, Counter[str]())
    found = []
    for group in range(int(groups.max()) + 1):
        size = int((groups == group).sum())
        if size:
            rest = whole - counts[group]
            words = terms.typical(counts[group], size, rest, len(rows) - size, 5)
            found.append(Subject(words, size / len(rows), vectors[groups == group].mean(axis=0)))
    return sorted(found, key=lambda one: -one.share)


def nearest(known: Sequence[Subject], vectors: NDArray[np.float32]) -> Subject | None:
    """Which of them these requests are most like, on average."""
    if not known or not len(vectors):
        return None
    centres = np.stack([one.centre for one in known])
    middle = np.average(centres, axis=0, weights=[one.share for one in known])
    likeness = _unit(centres - middle) @ _unit(vectors.mean(axis=0, keepdims=True) - middle)[0]
    return known[int(likeness.argmax())]


def _grouped(rows: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The group of each row. The first centres are as far apart as can be, so there is nothing to draw."""
    centres = rows[:1]
    while len(centres) < count:
        centres = np.concatenate([centres, rows[[int((rows @ centres.T).max(axis=1).argmin())]]])
    groups = np.zeros(len(rows), np.int64)
    for _ in range(_ROUNDS):
        groups = (rows @ centres.T).argmax(axis=1)
        sums = np.stack([rows[groups == group].sum(axis=0) for group in range(count)])
        centres = _unit(np.where(np.any(sums, axis=1, keepdims=True), sums, centres))
    return groups


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)
