"""All conditions of a plan together: what each says, what was traded, and the decision that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mainspring.evaluation.conditions import FOLLOWS, conditions, missing
from mainspring.evaluation.plan import GatePlan, Rule
from mainspring.evaluation.results import Results
from mainspring.evaluation.trading import trades
from mainspring.evaluation.verdict import Decision, Finding, State, Trade
from mainspring.evaluation.words import number

BALANCE = "balance"
_NOTHING: Mapping[str, Rule] = MappingProxyType({})


@dataclass(frozen=True)
class Weighed:
    decision: Decision
    findings: tuple[Finding, ...]
    traded: tuple[Trade, ...]

    @property
    def obstacles(self) -> tuple[Finding, ...]:
        """What stands in the way of accepting."""
        return tuple(one for one in self.findings if one.asks is not Decision.ACCEPT)


def weigh(plan: GatePlan, results: Results, instead: Mapping[str, Rule] = _NOTHING) -> Weighed:
    """The same of the same, always. `instead`: what other rules would have led to, by the names of metrics."""
    made = conditions(plan, results, instead)
    findings = [*(found for one in made for found in one.findings()), *missing(plan, results)]
    traded = trades(made)
    if plan.when_outweighed != "informs":
        findings.append(_balance(plan, sum(one.balance for one in traded)))
    return Weighed(worst(findings), tuple(findings), traded)


def worst(findings: Sequence[Finding]) -> Decision:
    """Of what each of them asks for."""
    asked = {one.asks for one in findings}
    return next((one for one in (Decision.REJECT, Decision.NEEDS_HUMAN) if one in asked), Decision.ACCEPT)


def _balance(plan: GatePlan, balance: float) -> Finding:
    lost = balance < 0
    words = f"what was lost weighs {'more' if lost else 'no more'} than what was gained"
    return Finding(
        name=BALANCE,
        asked="when_outweighed",
        state=State.FAILS if lost else State.HOLDS,
        asks=FOLLOWS[plan.when_outweighed] if lost else Decision.ACCEPT,
        gain=None,
        bound=0.0,
        sentence=f"By the weights of the policy {words}: {number(balance)} margins.",
    )
