"""Whether a challenger may take the champion's place: by the policy's plan and what was measured. Pure.

Each condition is tested by an interval of the level of the results, two-sided: a challenger that is worse than one
tolerance allows passes that condition with a chance of half of what the level leaves. It is accepted only if all
conditions hold, so it passes all of them no more often, however many there are, and nothing has to be corrected for
(intersection-union test; Berger, Technometrics 1982).
"""

from collections.abc import Sequence

from mainspring.errors import InvalidRequest
from mainspring.evaluation.conditions import conditions, missing
from mainspring.evaluation.plan import GatePlan
from mainspring.evaluation.results import Results
from mainspring.evaluation.verdict import Decided, Decision, Finding

_SAYS = {
    Decision.ACCEPT: "Accepted: all that is asked of it holds.",
    Decision.REJECT: "Rejected.",
    Decision.NEEDS_HUMAN: "A person has to say.",
}


def decide(plan: GatePlan, results: Results) -> Decided:
    """The same plan and results lead to the same verdict. Raises InvalidRequest if the plan asks for nothing."""
    if not plan.metrics:
        raise InvalidRequest(
            "the gate asks for nothing",
            field="policy.gate.metrics",
            remedy="Name metrics and what is asked of them, or leave them out for those of the task.",
        )
    made = conditions(plan, results)
    findings = [*(found for one in made for found in one.findings()), *missing(plan, results)]
    decision = worst(findings)
    return Decided(decision, _reasons(decision, findings), tuple(findings))


def worst(findings: Sequence[Finding]) -> Decision:
    """Of what each of them asks for."""
    asked = {one.asks for one in findings}
    return next((one for one in (Decision.REJECT, Decision.NEEDS_HUMAN) if one in asked), Decision.ACCEPT)


def _reasons(decision: Decision, findings: Sequence[Finding]) -> tuple[str, ...]:
    """What led to it first, then the rest of what was asked."""
    order = [
        decision,
        *(one for one in (Decision.REJECT, Decision.NEEDS_HUMAN, Decision.ACCEPT) if one != decision),
    ]
    asked = [one for one in findings if one.asked != "informs"]
    return (_SAYS[decision], *(one.sentence for asks in order for one in asked if one.asks is asks))
