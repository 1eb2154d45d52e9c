"""What would have led to another decision: computed, and said only if the gate then decides otherwise. Pure."""

import math
from collections.abc import Iterable, Sequence

from mainspring.evaluation.plan import GatePlan, Rule
from mainspring.evaluation.results import Measured, Results
from mainspring.evaluation.verdict import Decision, Finding, State
from mainspring.evaluation.weighing import BALANCE, Weighed, weigh
from mainspring.evaluation.words import number

_NEAREST = 3  # conditions that an accepted challenger has only just met
_MOST = 100  # times as many items: more is no advice
_Change = tuple[str, Rule, str]  # a metric, another rule for it, and that in words


def would_change(plan: GatePlan, results: Results, weighed: Weighed) -> tuple[str, ...]:
    """In sentences. Of an accepted challenger: how much less it would have taken to refuse it."""
    if weighed.decision is Decision.ACCEPT:
        return tuple(_stricter(plan, results, weighed))
    return (*_gentler(plan, results, weighed), *_more(plan, results, weighed))


def _gentler(plan: GatePlan, results: Results, weighed: Weighed) -> Iterable[str]:
    """Another policy that accepts."""
    changes = [_gentle(plan, results, one) for one in weighed.obstacles]
    known = [one for one in changes if one is not None]
    if len(known) == len(changes) and known and _accepts(plan, results, known):
        yield f"It would have been accepted with {_and([words for _, _, words in known])}."
    if any(one.name == BALANCE for one in weighed.obstacles):
        unweighed = plan.model_copy(update={"when_outweighed": "informs"})
        if weigh(unweighed, results).decision is Decision.ACCEPT:
            yield "It would have been accepted without weighing what was lost against what was gained."


def _gentle(plan: GatePlan, results: Results, finding: Finding) -> _Change | None:
    """The rule that this finding would just meet. None: there is none, such as where nothing was measured."""
    found, fitting, gain = results.of(finding.name), plan.rule_for(finding.name), finding.gain
    if found is None or fitting is None or gain is None or gain.low is None or gain.high is None:
        return None
    if finding.state not in (State.FAILS, State.UNSURE):
        return None
    rule = fitting[1]
    if finding.asked == "limit":
        met = _rounded(gain.high, up=True) if found.better == "lower" else _rounded(gain.low, up=False)
        return finding.name, _changed(rule, limit=met), f"a limit of {number(met)} on {finding.name}"
    if finding.asked == "must_rise" and gain.low > 0 and (least := _rounded(gain.low, up=False)) > 0:
        return (
            finding.name,
            _changed(rule, at_least=least),
            f"a rise of {number(least)} asked of {finding.name}",
        )
    spent = _rounded(max(0.0, -gain.low), up=True)
    falling = _changed(rule, role="must_not_fall", at_least=0.0, tolerance=spent)
    only = ", which had only not to get worse" if finding.asked == "must_rise" else ""
    return (
        finding.name,
        falling,
        f"a tolerance of {number(spent)}{_share(rule, spent, found)} on {finding.name}{only}",
    )


def _stricter(plan: GatePlan, results: Results, weighed: Weighed) -> Iterable[str]:
    """Of the conditions that were met most narrowly."""
    met = [
        one
        for one in weighed.findings
        if one.state is State.HOLDS and one.asked in ("must_not_fall", "must_rise")
    ]
    for finding in sorted(met, key=_room)[:_NEAREST]:
        fitting, gain = plan.rule_for(finding.name), finding.gain
        if fitting is None or gain is None or gain.low is None:
            continue
        if finding.asked == "must_rise":
            edge = _rounded(gain.low, up=True)
            change = _changed(fitting[1], at_least=edge * 1.001)
            words = f"if {finding.name} had to gain more than {number(edge)}"
        elif gain.low < 0:
            edge = _rounded(-gain.low, up=False)
            change = _changed(fitting[1], tolerance=edge * 0.999)
            words = f"with a tolerance of less than {number(edge)} on {finding.name}"
        else:
            continue
        if not _accepts(plan, results, [(finding.name, change, words)]):
            yield f"It would not have been accepted {words}."


def _more(plan: GatePlan, results: Results, weighed: Weighed) -> Iterable[str]:
    """More data, of what they leave open."""
    for finding in weighed.obstacles:
        found = results.of(finding.name)
        if finding.state is State.MISSING and finding.name == "*":
            yield "Any metric that the policy asks something of would have to be measured."
        elif finding.state is State.MISSING:
            yield f"{finding.name} would have to be measured, or the policy to do without."
        elif finding.state is State.TOO_LITTLE and found is not None:
            yield _enough(plan, found)
        elif finding.state is State.UNSURE and found is not None:
            yield _times(finding, found)


def _enough(plan: GatePlan, found: Measured) -> str:
    items, clusters = max(plan.fewest_items, found.items), max(plan.fewest_clusters, found.clusters)
    return f"{found.name} could be decided by from {items} items of {clusters} sources on."


def _times(finding: Finding, found: Measured) -> str:
    """An interval becomes narrower with the root of the number of items."""
    one, bound = finding.gain, finding.bound
    assert one is not None
    assert one.low is not None
    assert one.high is not None
    assert bound is not None
    away = one.value - bound
    half = one.value - one.low if away > 0 else one.high - one.value
    times = (half / away) ** 2 if away else math.inf
    if times > _MOST:
        return f"{finding.name} is so near to what is asked that more items hardly decide it."
    passed = (away > 0) != (finding.asked == "limit" and found.better == "lower")
    return (
        f"With about {number(_rounded(max(times, 1.1), up=True, digits=2))} times as many items, {math.ceil(found.items * times):,}, "
        f"{finding.name} would {'hold' if passed else 'fail'}, if its figures stay as they are."
    )


def _room(finding: Finding) -> float:
    """By how many half widths of its interval it was met."""
    one, bound = finding.gain, finding.bound
    if one is None or one.low is None or one.high is None or bound is None:
        return math.inf
    return (one.low - bound) / max(one.high - one.low, 1e-9)


def _accepts(plan: GatePlan, results: Results, changes: Sequence[_Change]) -> bool:
    return weigh(plan, results, {name: rule for name, rule, _ in changes}).decision is Decision.ACCEPT


def _changed(rule: Rule, **values: object) -> Rule:
    return rule.model_copy(update=values)


def _share(rule: Rule, spent: float, found: Measured) -> str:
    """As a share of the champion's figure, where the rule is one."""
    if not isinstance(rule.tolerance, str) or found.champion is None or found.champion.value == 0:
        return f" {found.unit}"
    return f" {found.unit}, {spent / abs(found.champion.value):.1%} of the champion's,"


def _rounded(value: float, *, up: bool, digits: int = 3) -> float:
    """To so many significant digits, upwards or downwards."""
    if value == 0 or not math.isfinite(value):
        return value
    step = 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1)
    found = (math.ceil(value / step - 1e-9) if up else math.floor(value / step + 1e-9)) * step
    return round(found, 12)


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
