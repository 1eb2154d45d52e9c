"""Count, mean and spread of a figure, kept so that those of two hours become those of both. Pure.

Squares about the mean, not plain ones, which cancel: Chan, Golub, LeVeque, Updating formulae and a pairwise algorithm
for computing sample variances, 1979.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Moments:
    """`squares`: the sum of the squared distances from the mean. `least` and `most`: of the values. None: of nothing."""

    count: int
    mean: float = 0.0
    squares: float = 0.0
    least: float | None = None
    most: float | None = None

    def as_json(self) -> list[float | None]:
        return [self.count, self.mean, self.squares, self.least, self.most]

    @classmethod
    def of_json(cls, stored: list[float | None]) -> Self:
        count, mean, squares, least, most = stored
        return cls(int(count or 0), mean or 0.0, squares or 0.0, least, most)

    @property
    def binary(self) -> bool:
        """Whether each value is 0 or 1: then the squares are what the mean makes them."""
        if self.least not in (0, 1) or self.most not in (0, 1):
            return False
        return abs(self.squares - self.count * self.mean * (1 - self.mean)) <= 1e-9 * self.count


def merged(parts: Iterable[Moments]) -> Moments:
    total = Moments(0)
    for part in parts:
        total = _both(total, part)
    return total


def _both(one: Moments, other: Moments) -> Moments:
    if not one.count or not other.count:
        return other if other.count else one
    count = one.count + other.count
    apart = other.mean - one.mean
    return Moments(
        count,
        one.mean + apart * other.count / count,
        one.squares + other.squares + apart * apart * one.count * other.count / count,
        min(_known(one.least, other.least), default=None),
        max(_known(one.most, other.most), default=None),
    )


def _known(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]
