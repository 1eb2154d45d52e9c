"""What two texts are compared by: the 5-grams of characters of their words, as numbers, all of a batch at once."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LENGTH = 5  # characters
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
_PRIME, _MIX = np.uint64(0x100000001B3), np.uint64(0x9E3779B97F4A7C15)


def canonical(text: str) -> str:
    """Its words in small letters with one space between them. Where words have no space, each sign counts as one."""
    return " ".join(_WORD.findall(text.lower()))


def shingles(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Of canonical texts: all their 5-grams as one array, and [texts + 1] where those of each begin.

    A text that is shorter than that has one. Those that occur more than once are in it more than once.
    """
    padded = [text.ljust(LENGTH) for text in texts]
    many = np.fromiter((len(text) - LENGTH + 1 for text in padded), np.int64, len(padded))
    begins = np.concatenate(([0], np.cumsum(many)))
    signs = np.frombuffer("".join(padded).encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    # Of all places in all texts, those where a 5-gram begins that does not reach into the next text.
    places = np.arange(begins[-1]) + np.repeat(np.arange(len(padded)) * (LENGTH - 1), many)
    found = np.zeros(len(places), np.uint64)
    with np.errstate(over="ignore"):
        for after in range(LENGTH):
            found = found * _PRIME + signs[places + after]
        found *= _MIX
        found ^= found >> np.uint64(29)
        found *= _PRIME
    return found ^ (found >> np.uint64(32)), begins.astype(np.uint64)


def jaccard(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """Of two sets, each given as an array in order without repetition."""
    if not len(one) or not len(other):
        return float(len(one) == len(other))
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)
