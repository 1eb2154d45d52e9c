"""Figures in words, as a verdict tells them."""

import math

from mainspring.evaluation.plan import Rule
from mainspring.evaluation.results import Estimate, Measured


def number(value: float) -> str:
    """To three significant digits, never as a power of ten if it can be helped."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    found = f"{value:,.{min(digits, 9)}f}"
    return found.rstrip("0").rstrip(".") if "." in found else found


def signed(value: float) -> str:
    return f"+{number(value)}" if value > 0 else number(value)


def between(one: Estimate, level: float, *, sign: bool = False) -> str:
    """`+0.3 (95%: +0.1 to +0.5)`; without an interval the value alone."""
    say = signed if sign else number
    if one.low is None or one.high is None or one.low == one.high:
        return say(one.value)
    return f"{say(one.value)} ({level * 100:g}%: {say(one.low)} to {say(one.high)})"


def changed(found: Measured, level: float) -> str:
    """`from -4.2 to -4.1, by +0.1 (95%: +0.05 to +0.15) nats per token`, as far as it is known."""
    said = []
    if found.champion is not None and found.challenger is not None:
        said = [f"from {number(found.champion.value)} to {number(found.challenger.value)}"]
    if found.difference is not None:
        said.append(f"by {between(found.difference, level, sign=True)} {found.unit}")
    return ", ".join(said) or "by what is not known"


def asked(rule: Rule, found: Measured, margin: float) -> str:
    """`may fall by 0.1 nats per token at most`."""
    given = rule.tolerance if rule.role == "must_not_fall" else rule.at_least
    much = f"{number(margin)} {found.unit}" + (
        f", {given} of the champion's," if isinstance(given, str) else ""
    )
    better, worse = ("rise", "fall") if found.better == "higher" else ("fall", "rise")
    if rule.role == "must_not_fall":
        return f"may {worse} by {much} at most" if margin else f"must not {worse}"
    return f"has to {better} by {much} at least" if margin else f"has to {better}"
