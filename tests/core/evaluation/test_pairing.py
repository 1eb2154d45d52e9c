"""Intervals hold the true value as often as they say: of few items, of few sources, of sources that are unlike."""

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.evaluation.bounded import Scale, ratio
from mainspring.evaluation.intervals import of_difference, of_share, quantile, spread
from mainspring.evaluation.items import Item
from mainspring.evaluation.pairing import measured
from mainspring.evaluation.results import Estimate, Measured
from mainspring.release.intervals import share

TEXTS = Scale("likelihood.old", "nats per token")
RIGHT = Scale("accuracy.old", "share of answers", top=1.0)
Draw = np.random.Generator


def covered(draws: Callable[[Draw], Measured], true: float, times: int = 600) -> tuple[float, float]:
    """How often the interval of the difference lies above the true one, and how often below."""
    draw = np.random.default_rng(5)
    found = [one for _ in range(times) if (one := draws(draw).difference) is not None and one.low is not None]
    assert len(found) > 0.95 * times
    above = sum(one.low is not None and one.low > true for one in found)
    below = sum(one.high is not None and one.high < true for one in found)
    return above / times, below / times


@pytest.mark.parametrize(("sources", "each", "uneven"), [(6, 8, 0.3), (12, 5, 0.8), (40, 1, 0.0)])
def test_ratios_of_clustered_texts(sources: int, each: int, uneven: float) -> None:
    def draws(draw: Draw) -> Measured:
        sizes = np.maximum(1, each * np.exp(draw.normal(0, uneven, sources))).astype(int)
        source = np.repeat(np.arange(sources), sizes)
        tokens = np.round(8 + draw.lognormal(4, 0.6, len(source)))
        champion = draw.normal(-5, 0.6, len(source))
        apart = -0.1 + draw.normal(0, 0.1, sources)[source] + draw.normal(0, 0.2, len(source))
        rows = zip(source, champion, apart, tokens, strict=True)
        return measured(TEXTS, [Item(str(at), (a + b) * t, a * t, t) for at, a, b, t in rows], 0.95)

    above, below = covered(draws, -0.1)
    assert above < 0.045
    assert below < 0.045
    assert above + below > 0.005


@pytest.mark.parametrize(("sources", "alike"), [(12, 0.3), (40, 0.9)])
def test_answers_of_which_those_of_a_source_are_alike(sources: int, alike: float) -> None:
    def draws(draw: Draw) -> Measured:
        source = np.arange(sources * 10) % sources
        gained, lost = (draw.random(len(source)) < rate for rate in (0.04, 0.06))
        common = draw.random(sources)[source]
        same = draw.random(len(source)) < alike
        own = np.where(same, common < 0.9, ~lost & (draw.random(len(source)) < 0.96))
        other = np.where(same, (common < 0.84) | (common > 0.92), ~gained & (draw.random(len(source)) < 0.94))
        rows = zip(source, own, other, strict=True)
        return measured(RIGHT, [Item(str(at), float(a), float(b)) for at, a, b in rows], 0.95)

    true = alike * (0.9 - 0.92) + (1 - alike) * (0.94 * 0.96 - 0.96 * 0.94)
    assert max(covered(draws, true)) < 0.06


@pytest.mark.parametrize("differ", [0.04, 0.1, 0.3])
def test_of_thirty_answers_all_that_can_happen(differ: float) -> None:
    """A challenger that is worse by just the tolerance of 0.05: every outcome with its chance, no drawing."""
    count, worse = 30, 0.05
    gained, lost = max(0.0, (differ - worse) / 2), max(worse, (differ + worse) / 2)
    passed = 0.0
    for up, down in product(range(count + 1), repeat=2):
        if up + down <= count:
            ways = (
                math.factorial(count)
                / math.factorial(up)
                / math.factorial(down)
                / math.factorial(count - up - down)
            )
            chance = ways * gained**up * lost**down * (1 - gained - lost) ** (count - up - down)
            if (
                chance > 1e-9
                and of_difference(up / count, down / count, count, quantile(0.95, math.inf))[0] >= -worse
            ):
                passed += chance
    assert passed <= 0.035


@given(
    up=st.integers(0, 40),
    down=st.integers(0, 40),
    same=st.integers(1, 200),
    level=st.sampled_from([0.8, 0.95, 0.99]),
)
def test_intervals_of_differences_are_what_they_ought_to_be(
    up: int, down: int, same: int, level: float
) -> None:
    of, z = up + down + same, quantile(level, math.inf)
    low, high = of_difference(up / of, down / of, of, z)
    assert -1 <= low <= (up - down) / of + 1e-9
    assert (up - down) / of - 1e-9 <= high <= 1
    assert of_difference(down / of, up / of, of, z) == pytest.approx((-high, -low), abs=1e-9)
    wider = of_difference(up / of, down / of, of, z * 1.2)
    assert wider[0] <= low + 1e-9
    assert wider[1] >= high - 1e-9


def test_where_nothing_differs_the_interval_is_no_point() -> None:
    low, high = of_difference(0.0, 0.0, 100, 2.0)
    assert (low, high) == pytest.approx((-4 / 104, 4 / 104))
    alike = measured(RIGHT, [Item("", 1.0, 1.0)] * 100, 0.95)
    assert alike.difference is not None
    assert alike.difference.value == 0
    assert alike.difference.low == pytest.approx(-0.037, abs=1e-3)


def test_few_sources_that_differ_count_as_an_item_each() -> None:
    """Eight hundred answers of forty sources, all right: what is common to a source may have spared it forty times."""
    found = measured(RIGHT, [Item(str(number % 40), 1.0, 1.0) for number in range(800)], 0.95)
    assert found.difference is not None
    assert found.difference.low is not None
    assert found.difference.low < -0.08
    assert (found.items, found.clusters) == (800, 40)


def test_a_share_is_as_elsewhere() -> None:
    known = share(17, 20)
    assert known is not None
    assert of_share(0.85, 20, quantile(0.95, math.inf)) == pytest.approx((known.low, known.high), abs=1e-6)


def test_leaving_out_sources_of_equal_size_is_the_usual_standard_error() -> None:
    values = np.random.default_rng(2).normal(3, 2, 40)
    found = spread(ratio, np.column_stack([values, np.ones(40)]), np.ones(40))
    assert found.error == pytest.approx(values.std(ddof=1) / math.sqrt(40))
    assert found.freedom == pytest.approx(39)


def test_copies_of_the_same_items_make_nothing_surer() -> None:
    values = np.random.default_rng(2).normal(0, 1, 30)
    once = [Item(str(number), float(one), 0.0) for number, one in enumerate(values)]
    assert measured(TEXTS, once * 9, 0.95).difference == _about(measured(TEXTS, once, 0.95).difference)


def test_of_few_sources_no_interval_is_said_but_why() -> None:
    found = measured(TEXTS, [Item(str(number % 3), float(number), 0.0) for number in range(300)], 0.95)
    assert found.difference == Estimate(149.5)
    assert "fewer than 5 sources" in found.details["why"]


def test_one_source_that_is_nearly_all_there_is_says_no_interval() -> None:
    items = [Item("book", float(number % 7), 0.0) for number in range(5000)] + [
        Item(str(n), 1.0, 0.0) for n in range(9)
    ]
    found = measured(TEXTS, items, 0.95)
    assert found.difference is not None
    assert found.difference.low is None


def test_items_without_a_number_are_told_and_left_out() -> None:
    sound = [Item(str(number), float(number), 1.0) for number in range(20)]
    found = measured(
        TEXTS, [*sound, Item("x", math.nan, 1.0), Item("y", 2.0, math.nan), Item("z", math.inf, 1.0)], 0.95
    )
    assert found.items == 20
    assert found.details == {"broken": 2, "unpaired": 1}
    lost = measured(TEXTS, [Item("x", math.nan, 1.0)], 0.95)
    assert lost.challenger is None
    assert lost.details == {"broken": 1}
    assert measured(TEXTS, [], 0.95).challenger is None


def test_units_may_be_each_versions_own() -> None:
    items = [Item(str(number), 100.0, 100.0, units=2.0, champion_units=4.0) for number in range(10)]
    found = measured(Scale("throughput", "tokens per second"), items, 0.95)
    assert found.challenger is not None
    assert found.champion is not None
    assert (found.challenger.value, found.champion.value) == (50.0, 25.0)


def _about(one: Estimate | None) -> object:
    assert one is not None
    return Estimate(*(pytest.approx(value) for value in (one.value, one.low, one.high)))  # type: ignore[arg-type]
