"""What a reference was about: groups of its requests, each named by the words that set it apart. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mainspring.drift.sphere import k_means, unit
from mainspring.monitor import terms

_MOST, _LEAST = 8, 25  # groups; requests of one


@dataclass(frozen=True)
class Subject:
    """`share`: of the reference's requests."""

    words: list[str]
    share: float
    centre: NDArray[np.float32]


def subjects(vectors: NDArray[np.float32], texts: Sequence[str]) -> list[Subject]:
    """Of rows [requests, dimensions] and their texts, the largest first."""
    rows = unit(vectors - vectors.mean(axis=0))
    # Which rows it begins with is drawn; the same for the same reference.
    _, groups = k_means(rows, max(1, min(_MOST, len(rows) // _LEAST)), np.random.default_rng(len(rows)))
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
    likeness = unit(centres - middle) @ unit(vectors.mean(axis=0, keepdims=True) - middle)[0]
    return known[int(likeness.argmax())]
