"""A choice among challengers: by the conditions that hold, then by what was gained."""

from math import inf
from typing import Any

import pytest

from mainspring.evaluation.plan import GatePlan, Rule
from mainspring.evaluation.ranking import rank
from mainspring.evaluation.results import Estimate, Measured, Results

PLAN = GatePlan(
    metrics={
        "likelihood.new": Rule(role="must_rise", at_least=0.1),
        "accuracy.old": Rule(role="must_not_fall", tolerance=0.02, weight=2),
        "latency": Rule(role="informs"),
    }
)


def found(new: float, old: float, **more: Any) -> Results:
    """`new`: nats by which it is better; `old`: how much more accurate."""
    measured = (
        Measured("likelihood.new", "nats", "lower", Estimate(2.0), Estimate(2.0 + new), Estimate(-new, -new - 0.2, -new + 0.2), **more),
        Measured("accuracy.old", "share", "higher", Estimate(0.9 + old), Estimate(0.9), Estimate(old, old - 0.01, old + 0.01)),
        Measured("latency", "seconds", "lower", Estimate(1.0), Estimate(0.1), Estimate(0.9, 0.8, 1.0)),
    )  # fmt: skip
    return Results(0.95, measured)


def test_who_breaks_less_comes_first_and_then_who_gains_more() -> None:
    forgetful, idle, good, better = found(0.9, -0.1), found(0.05, 0.0), found(0.3, -0.01), found(0.5, -0.01)
    order = sorted([forgetful, good, idle, better], key=lambda one: rank(PLAN, one), reverse=True)
    assert order == [better, good, idle, forgetful]
    assert [rank(PLAN, one)[0] for one in order] == [0, 0, -1, -1]


def test_gains_are_counted_by_weight_in_half_widths() -> None:
    assert rank(PLAN, found(0.4, 0.01)) == pytest.approx((0, 0.4 / 0.2 + 2 * 0.01 / 0.01))


def test_what_gave_no_number_breaks_its_condition() -> None:
    assert rank(PLAN, found(0.4, 0.01, details={"broken": 3}))[0] == -1


def test_without_a_champion_the_figures_themselves_count() -> None:
    better, worse = (
        Results(0.95, (Measured("likelihood.new", "nats", "lower", Estimate(value)),)) for value in (1.0, 2.0)
    )
    assert rank(PLAN, better) > rank(PLAN, worse)


def test_nothing_measured_is_the_last() -> None:
    assert rank(PLAN, Results(0.95, ())) == (-inf, -inf)
    assert rank(PLAN, Results(0.95, (Measured("likelihood.new", "nats", "lower", None),))) == (-inf, -inf)
