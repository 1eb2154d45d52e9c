"""Which of several challengers is the best one by the same plan and the same items: a choice among them, and no verdict."""

from mainspring.evaluation.conditions import Condition, conditions
from mainspring.evaluation.plan import GatePlan
from mainspring.evaluation.results import Estimate, Results

_TINY = 1e-9


def rank(plan: GatePlan, results: Results) -> tuple[float, float]:
    """(conditions that do not hold, negative; gain): whoever has more comes first.

    By the figures as they are, without their intervals: of few items these reach everywhere, and one has to be chosen. The
    gain is the sum over what the plan asks for, by weight, in half widths of the difference's interval; without a
    champion it is of the figures themselves. Nothing measured is (-inf, -inf).
    """
    asked = [one for one in conditions(plan, results, {}) if one.rule.role != "informs"]
    if not asked or any(one.found.challenger is None for one in asked):
        return float("-inf"), float("-inf")
    broken = sum(_broken(one) for one in asked)
    return -float(broken), sum(one.rule.weighs * _gain(one) for one in asked)


def _broken(one: Condition) -> bool:
    if one.found.details.get("broken"):
        return True
    gain, margin = one.found.gain, one.margin
    if gain is None or margin is None:
        return False
    return gain.value < -margin if one.rule.role == "must_not_fall" else gain.value < margin


def _gain(one: Condition) -> float:
    gain, own = one.found.gain, one.found.challenger
    if gain is not None:
        return gain.value / _half_width(gain)
    assert own is not None
    return own.value if one.found.better == "higher" else -own.value


def _half_width(one: Estimate) -> float:
    """1 where there is no interval."""
    if one.low is None or one.high is None:
        return 1.0
    return max((one.high - one.low) / 2, _TINY)
