"""Figures with their 95% intervals. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

Z = 1.959964  # of the normal distribution, two-sided 95%
FEWEST = 10  # values, for a mean by Student's t


T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """`low` to `high`: where the true value is, 95 times of a hundred. `count`: of what it was made."""

    value: float
    low: float
    high: float
    count: int


Kind = tuple[str, bool, Callable[[Sequence[T]], Figure | None]]


def share(times: int, of: int) -> Figure | None:
    """By Wilson's interval (JASA 1927), which holds for rare things too. None: of nothing."""
    return None if of == 0 else bounded(times / of, of)


def bounded(rate: float, of: int) -> Figure:
    """The mean of so many values between 0 and 1, by the same interval.

    None of them spreads wider about its mean than zeros and ones do: of those it is Wilson's, of others wider than need be.
    """
    spread = Z * Z / of
    middle = (rate + spread / 2) / (1 + spread)
    half = Z * math.sqrt(max(0.0, rate * (1 - rate)) / of + spread / (4 * of)) / (1 + spread)
    return Figure(rate, max(0.0, middle - half), min(1.0, middle + half), of)


def median(values: Sequence[float]) -> Figure | None:
    """By order statistics, whatever the distribution. None: too few for an interval."""
    ordered, count = sorted(values), len(values)
    half = Z * math.sqrt(count) / 2
    low, high = math.floor(count / 2 - half), math.ceil(count / 2 + half)
    if low < 0 or high >= count:
        return None
    return Figure(_middle(ordered), ordered[low], ordered[high], count)


def mean(values: Sequence[float]) -> Figure | None:
    """By the central limit theorem. None: too few for it."""
    count = len(values)
    if count < 30:
        return None
    value = math.fsum(values) / count
    variance = math.fsum((one - value) ** 2 for one in values) / (count - 1)
    half = Z * math.sqrt(variance / count)
    return Figure(value, value - half, value + half, count)


def student(value: float, squares: float, of: int) -> Figure | None:
    """A mean by Student's t. `squares`: the sum of the squared distances from it. None: fewer than FEWEST.

    Exact for normal values, and as good as the central limit theorem for others.
    """
    if of < FEWEST:
        return None
    half = _t(of - 1) * math.sqrt(squares / (of - 1) / of)
    return Figure(value, value - half, value + half, of)


def metric(
    name: str, words: str, a: Figure | None, b: Figure | None, *, more_is_better: bool
) -> dict[str, Any]:
    """Two figures as JSON. They `differ` if their intervals do not meet: a cautious answer, since each covers 95%.

    `b_is`: then, better or worse than the first. None: one of them is not known, or they do not differ.
    """
    differs = None if a is None or b is None else a.low > b.high or b.low > a.high
    b_is = None
    if differs and a is not None and b is not None:
        b_is = "better" if (b.value > a.value) == more_is_better else "worse"
    return {
        "name": name,
        "words": words,
        "more_is_better": more_is_better,
        "a": None if a is None else asdict(a),
        "b": None if b is None else asdict(b),
        "differs": differs,
        "b_is": b_is,
    }


def metrics(kinds: Mapping[str, Kind[T]], a: Sequence[T], b: Sequence[T]) -> list[dict[str, Any]]:
    """`kinds`: name → in words, whether more is better, how it is made. Those that one of the two has."""
    made = [(name, words, more, make(a), make(b)) for name, (words, more, make) in kinds.items()]
    return [
        metric(name, words, one, other, more_is_better=more)
        for name, words, more, one, other in made
        if one is not None or other is not None
    ]


def _middle(ordered: Sequence[float]) -> float:
    count = len(ordered)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2


def _t(freedom: int) -> float:
    """Two-sided 95% of Student's distribution, right to 0.0005 from FEWEST - 1 degrees on (Abramowitz, Stegun, 26.7.5)."""
    z = Z
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
