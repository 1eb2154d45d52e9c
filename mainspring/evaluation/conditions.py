"""What is asked of one metric, held against what was measured of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from mainspring.evaluation.plan import GatePlan, Rule
from mainspring.evaluation.results import Estimate, Measured, Results
from mainspring.evaluation.verdict import Decision, Finding, State
from mainspring.evaluation.words import asked, between, changed, number

_SLACK = 1e-12  # what sums of rounded numbers may be off by
FOLLOWS = {"accept": Decision.ACCEPT, "ask": Decision.NEEDS_HUMAN, "reject": Decision.REJECT}
_HOW = {
    State.HOLDS: "which holds",
    State.FAILS: "which does not hold",
    State.UNSURE: "which the data do not decide",
}


@dataclass(frozen=True)
class Condition:
    """A `rule` of the `plan` and the metric it fits. `alone`: nothing was measured of any champion."""

    plan: GatePlan
    rule: Rule
    found: Measured
    level: float
    alone: bool

    @property
    def margin(self) -> float | None:
        """By how much it may fall or has to rise, in its unit. None: a share of what is not known."""
        given = self.rule.tolerance if self.rule.role == "must_not_fall" else self.rule.at_least
        if not isinstance(given, str):
            return given
        champion = self.found.champion
        return None if champion is None else float(given.rstrip("%")) / 100 * abs(champion.value)

    def findings(self) -> list[Finding]:
        """One, and one more for a limit."""
        if self.rule.role == "informs":
            return [self._told(State.INFORMS, f"went {changed(self.found, self.level)}")]
        if self.found.details.get("broken"):
            return [self._broken()]
        return [self._comparison(), *([] if self.rule.limit is None else [self._limit(self.rule.limit)])]

    def _comparison(self) -> Finding:
        margin, gain = self.margin, self.found.gain
        if self.found.challenger is None:
            return self._told(State.MISSING, "was not measured of anything")
        if self.alone:
            return self._told(State.ALONE, "has nothing to be compared with: there is no champion")
        if self.found.champion is None or margin is None:
            return self._told(State.MISSING, "was not measured of the champion")
        if (scarce := self._scarce(gain)) is not None or gain is None:
            return self._told(State.TOO_LITTLE, f"{asked(self.rule, self.found, margin)}: {scarce}")
        falls = self.rule.role == "must_not_fall"
        state = stands(gain, -margin if falls else margin, strict=not falls and margin == 0)
        words = f"{asked(self.rule, self.found, margin)}, {_HOW[state]}: it went {changed(self.found, self.level)}"
        return self._told(state, words, -margin if falls else margin)

    def _limit(self, limit: float) -> Finding:
        own, lower = self.found.challenger, self.found.better == "lower"
        words = f"has to be {number(limit)} {self.found.unit} or {'less' if lower else 'more'}"
        if (scarce := self._scarce(own)) is not None or own is None:
            return self._told(State.TOO_LITTLE, f"{words}: {scarce}", limit, own, "limit")
        state = stands(turned(own) if lower else own, -limit if lower else limit, strict=False)
        return self._told(
            state, f"{words}, {_HOW[state]}: it is {between(own, self.level)}", limit, own, "limit"
        )

    def _scarce(self, one: Estimate | None) -> str | None:
        """Why there is too little data; None: there is enough."""
        items, clusters, plan = self.found.items, self.found.clusters, self.plan
        if one is not None and one.low is not None and self.found.details.get("whole"):
            return None
        if items < plan.fewest_items:
            return f"{items} items are too little data, of which {plan.fewest_items} are wanted"
        if clusters < plan.fewest_clusters:
            return f"items from {clusters} sources are too little data, of which {plan.fewest_clusters} are wanted"
        if one is None or one.low is None or one.high is None:
            return str(self.found.details.get("why") or "there is too little data for an interval")
        return None

    def _broken(self) -> Finding:
        count = self.found.details["broken"]
        return self._told(State.BROKEN, f"is no number for {count} of {self.found.items + count} items")

    def _told(
        self,
        state: State,
        words: str,
        bound: float | None = None,
        figure: Estimate | None = None,
        kind: str | None = None,
    ) -> Finding:
        return Finding(
            name=self.found.name,
            asked=kind or self.rule.role,
            state=state,
            asks=self._follows(state),
            gain=figure if kind == "limit" else self.found.gain,
            bound=bound,
            sentence=f"{self.found.name} {words}.",
        )

    def _follows(self, state: State) -> Decision:
        if state in (State.HOLDS, State.INFORMS):
            return Decision.ACCEPT
        if state in (State.FAILS, State.BROKEN):
            return Decision.REJECT
        if state is State.ALONE:
            return FOLLOWS[self.plan.when_alone]
        return _missing(self.plan, self.rule) if state is State.MISSING else FOLLOWS[self.plan.when_unsure]


def stands(one: Estimate, bound: float, *, strict: bool) -> State:
    """Where an interval lies: all of it at the bound or above, all of it below, or neither. `strict`: the bound is below."""
    if one.low is None or one.high is None:
        return State.TOO_LITTLE
    if one.low > bound + _SLACK if strict else one.low >= bound - _SLACK:
        return State.HOLDS
    if one.high <= bound + _SLACK if strict else one.high < bound - _SLACK:
        return State.FAILS
    return State.UNSURE


def turned(one: Estimate) -> Estimate:
    """The same with less for more."""
    low, high = (None if end is None else -end for end in (one.high, one.low))
    return Estimate(-one.value, low, high)


def conditions(plan: GatePlan, results: Results, instead: Mapping[str, Rule]) -> list[Condition]:
    """One for each metric that was measured, by the rule that fits it; one that none fits informs. `instead`: rules by the
    names of metrics that count before all of the plan's."""
    alone = all(one.champion is None for one in results.measured)
    made = []
    for one in results.measured:
        fitting = plan.rule_for(one.name)
        rule = instead.get(one.name) or (Rule(role="informs") if fitting is None else fitting[1])
        made.append(Condition(plan, rule, one, results.level, alone))
    return made


def missing(plan: GatePlan, results: Results) -> list[Finding]:
    """Of each rule that asks for something and fits nothing that was measured. If there are only such, and all of them may be
    missing, one for all: of who was asked nothing nothing is known."""
    fitted = {fitting[0] for one in results.measured if (fitting := plan.rule_for(one.name)) is not None}
    asking = {pattern: rule for pattern, rule in (plan.metrics or {}).items() if rule.role != "informs"}
    found = [
        _unmeasured(
            pattern, rule.role, _missing(plan, rule), f"{pattern} {rule.role.replace('_', ' ')}, and it"
        )
        for pattern, rule in asking.items()
        if pattern not in fitted and rule.when_missing != "ignore"
    ]
    if asking and not found and not fitted & asking.keys():
        return [_unmeasured("*", "measured", FOLLOWS[plan.when_missing], "What the policy asks for")]
    return found


def _unmeasured(name: str, asked: str, asks: Decision, what: str) -> Finding:
    return Finding(name, asked, State.MISSING, asks, None, None, f"{what} was not measured.")


def _missing(plan: GatePlan, rule: Rule) -> Decision:
    when = rule.when_missing or plan.when_missing
    return Decision.ACCEPT if when == "ignore" else FOLLOWS[when]
