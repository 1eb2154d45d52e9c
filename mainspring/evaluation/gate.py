"""Whether a challenger may take the champion's place: by the policy's plan and what was measured. Pure.

Each condition is tested by an interval of the level of the results, two-sided: a challenger that is worse than one
tolerance allows passes that condition with a chance of half of what the level leaves. It is accepted only if all
conditions hold, so it passes all of them no more often, however many there are, and nothing has to be corrected for
(intersection-union test; Berger, Technometrics 1982).
"""

from mainspring.errors import InvalidRequest
from mainspring.evaluation.changing import would_change
from mainspring.evaluation.plan import GatePlan
from mainspring.evaluation.results import Results
from mainspring.evaluation.trading import told
from mainspring.evaluation.verdict import Decided, Decision
from mainspring.evaluation.weighing import Weighed, weigh

_SAYS = {
    Decision.ACCEPT: "Accepted: all that is asked of it holds.",
    Decision.REJECT: "Rejected.",
    Decision.NEEDS_HUMAN: "A person has to say.",
}
_ORDER = (Decision.REJECT, Decision.NEEDS_HUMAN, Decision.ACCEPT)


def decide(plan: GatePlan, results: Results) -> Decided:
    """The same plan and results lead to the same verdict. Raises InvalidRequest if the plan asks for nothing."""
    if not plan.metrics:
        raise InvalidRequest(
            "the gate asks for nothing",
            field="policy.gate.metrics",
            remedy="Name metrics and what is asked of them, or leave them out for those of the task.",
        )
    weighed = weigh(plan, results)
    return Decided(
        decision=weighed.decision,
        reasons=_reasons(weighed),
        findings=weighed.findings,
        traded=weighed.traded,
        would_change=would_change(plan, results, weighed),
    )


def _reasons(weighed: Weighed) -> tuple[str, ...]:
    """What led to it first, then the rest of what was asked, then what was traded."""
    order = [weighed.decision, *(one for one in _ORDER if one is not weighed.decision)]
    asked = [one for one in weighed.findings if one.asked != "informs"]
    sentences = [one.sentence for asks in order for one in asked if one.asks is asks]
    traded = told(weighed.traded)
    return (
        _SAYS[weighed.decision] if asked else "Accepted: nothing is asked of it.",
        *sentences,
        *([] if traded is None else [traded]),
    )
