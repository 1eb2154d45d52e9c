"""Which way a window of requests differs from what was learned, though only a few of them may be new.

Each is weighed by a high power of its rank among the learned ones, so that few new ones count for more than many known
ones, and so are the learned ones by theirs; the direction between the two weighted means is a linear discriminant with a
shrunk covariance. At first the ranks are of strangeness. Then a few times of strangeness and the direction so far, which
new requests share and strange ones do not: found without those that are weighed, a fold at a time, since a direction in
hundreds of dimensions likes whoever it was fitted to (cross-fitting; Chernozhukov et al., Econometrics Journal 2018).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mainspring.drift.arrays import Floats, Vectors
from mainspring.drift.likeness import Likeness

_FOCUS, _FOCUS_AGAIN = 8.0, 24.0  # powers of the rank: by strangeness alone, and with a direction
_FLOOR = 1e-3
_ROUNDS, _FOLDS = 3, 4
_STEP = 4.0  # of a direction that is far beyond chance, in standard deviations of strangeness

_NOTHING = 1e-6  # squared, in the precision's measure: far below chance, and made of last bits

Chosen = NDArray[np.bool_]


class _Weights(NamedTuple):
    """Of a window's requests, and of the learned ones."""

    window: Floats
    learned: Floats


def direction(likeness: Likeness, window: Vectors, strange: Floats) -> Vectors:
    """[d] what a vector is multiplied with, to be added to its strangeness. Zero: no difference beyond chance.

    `window`: [n, d] of length 1, and how `strange` each is.
    """
    between = _Between(likeness, window, likeness.lengths(window))
    scores = strange, likeness.strange
    focus = _FOCUS
    for _ in range(_ROUNDS):
        weights = _weights(*scores, focus)
        scores = _crosswise(between, weights, strange)
        focus = _FOCUS_AGAIN
    return between.direction(_weights(*scores, focus), *between.all())


def _crosswise(between: "_Between", weights: _Weights, strange: Floats) -> tuple[Floats, Floats]:
    """The score of each by a direction that was found without its fold: of the window, of the learned ones."""
    window, learned = strange.copy(), between.likeness.strange.copy()
    for mine, theirs in between.folds():
        found = between.direction(weights, ~mine, ~theirs)
        window[mine] += between.window[mine] @ found
        learned[theirs] += between.likeness.learned[theirs] @ found
    return window, learned


def _weights(window: Floats, learned: Floats, focus: float) -> _Weights:
    usual = np.sort(learned)
    return _Weights(
        *((np.searchsorted(usual, scores) / len(usual)) ** focus + _FLOOR for scores in (window, learned))
    )


@dataclass(frozen=True)
class _Between:
    """`lengths`: of the window's vectors, squared, in the precision's measure."""

    likeness: Likeness
    window: Vectors
    lengths: Floats

    def direction(self, weights: _Weights, mine: Chosen, theirs: Chosen) -> Vectors:
        """Between those that are chosen of the window and of the learned ones."""
        likeness = self.likeness
        middle, spread = _focused(self.window, self.lengths, weights.window * mine)
        usual, usual_spread = _focused(likeness.learned, likeness.learned_lengths, weights.learned * theirs)
        difference = middle - usual
        found = likeness.precision @ difference
        size = float(difference @ found)
        if size < _NOTHING:
            return np.zeros(len(found), np.float32)
        beyond_chance = max(0.0, 1 - (spread + usual_spread) / size)  # James and Stein's shrinkage
        return np.asarray(_STEP * beyond_chance * found / np.sqrt(size), np.float32)

    def all(self) -> tuple[Chosen, Chosen]:
        return np.ones(len(self.window), bool), np.ones(len(self.likeness.learned), bool)

    def folds(self) -> Iterator[tuple[Chosen, Chosen]]:
        mine, theirs = (np.arange(len(one)) % _FOLDS for one in (self.window, self.likeness.learned))
        return ((mine == fold, theirs == fold) for fold in range(_FOLDS))


def _focused(vectors: Vectors, lengths: Floats, weights: Floats) -> tuple[Vectors, float]:
    """The weighted mean, and by how much (squared, in the precision's measure) chance moves it."""
    parts = weights / weights.sum()
    return parts.astype(np.float32) @ vectors, float(parts**2 @ lengths)
