"""The intervals hold the true value as often as they say."""

import random
from collections.abc import Callable

import pytest

from mainspring.release.intervals import Figure, bounded, mean, median, share, student


def covered(draws: Callable[[random.Random], Figure | None], true: float, times: int = 2000) -> float:
    draw = random.Random(3)
    found = [draws(draw) for _ in range(times)]
    return sum(one is not None and one.low <= true <= one.high for one in found) / times


@pytest.mark.parametrize(("rate", "of"), [(0.02, 200), (0.1, 60), (0.5, 40)])
def test_a_share(rate: float, of: int) -> None:
    def draws(draw: random.Random) -> Figure | None:
        return share(sum(draw.random() < rate for _ in range(of)), of)

    assert 0.92 <= covered(draws, rate) <= 0.985


@pytest.mark.parametrize("count", [30, 101])
def test_a_median_of_something_skewed(count: int) -> None:
    def draws(draw: random.Random) -> Figure | None:
        return median([draw.expovariate(1) for _ in range(count)])

    assert 0.93 <= covered(draws, 0.693147) <= 0.99


def test_a_mean() -> None:
    assert 0.93 <= covered(lambda draw: mean([draw.gauss(5, 2) for _ in range(60)]), 5.0) <= 0.97


@pytest.mark.parametrize("count", [10, 40])
def test_a_mean_by_student(count: int) -> None:
    def draws(draw: random.Random) -> Figure | None:
        values = [draw.gauss(5, 2) for _ in range(count)]
        value = sum(values) / count
        return student(value, sum((one - value) ** 2 for one in values), count)

    assert 0.94 <= covered(draws, 5.0) <= 0.965


@pytest.mark.parametrize("count", [3, 40])
def test_a_mean_between_two_bounds(count: int) -> None:
    """Of values that spread less than zeros and ones: never too narrow."""

    def draws(draw: random.Random) -> Figure | None:
        return bounded(sum(draw.betavariate(2, 1) for _ in range(count)) / count, count)

    assert covered(draws, 2 / 3) >= 0.95


def test_of_too_few_nothing_is_said() -> None:
    assert share(0, 0) is None
    assert student(1.0, 1.0, 9) is None
    assert median([1.0, 2.0, 3.0]) is None
    assert mean([1.0] * 29) is None
    assert share(0, 50) == Figure(0.0, 0.0, pytest.approx(0.0713, abs=1e-3), 50)
