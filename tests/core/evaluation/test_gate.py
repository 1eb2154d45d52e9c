"""The gate: by intervals and not by points, the same from the same, and in words that say what would have changed it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from mainspring.errors import InvalidRequest
from mainspring.evaluation.defaults import filled
from mainspring.evaluation.gate import decide
from mainspring.evaluation.plan import GatePlan, Rule, gate_plan
from mainspring.evaluation.results import Estimate, Measured, Results, results_of
from mainspring.evaluation.verdict import Decision, State, decided_of
from mainspring.terms import Task
from tests.core.evaluation import drawing

ACCEPT, REJECT, ASK = Decision.ACCEPT, Decision.REJECT, Decision.NEEDS_HUMAN
OLD, NEW = "likelihood.old", "likelihood.new"
KEPT = Rule(role="must_not_fall", tolerance=0.1)


def one(name: str, low: float, value: float, high: float, **more: Any) -> Measured:
    """Of two hundred items from forty sources, unless told else."""
    known: dict[str, Any] = {
        "name": name,
        "unit": "nats per token",
        "better": "higher",
        "challenger": Estimate(value - 5, value - 5.1, value - 4.9),
        "champion": Estimate(-5.0, -5.1, -4.9),
        "difference": Estimate(value, low, high),
        "items": 200,
        "clusters": 40,
    }
    return Measured(**(known | more))


def of(*found: Measured) -> Results:
    return Results(0.95, found)


def plan(**rules: Rule) -> GatePlan:
    return GatePlan(metrics={name.replace("_", "."): rule for name, rule in rules.items()})


@pytest.mark.parametrize(
    ("low", "high", "decision"),
    [
        (-0.09, 0.5, ACCEPT),
        (-0.11, 0.5, ASK),
        (-0.5, -0.09, ASK),
        (-0.5, -0.11, REJECT),
        (-0.1, -0.1, ACCEPT),
    ],
)
def test_what_must_not_fall_is_judged_by_its_interval(low: float, high: float, decision: Decision) -> None:
    found = decide(plan(likelihood_old=KEPT), of(one(OLD, low, (low + high) / 2, high)))
    assert found.decision is decision


@pytest.mark.parametrize(
    ("least", "low", "high", "decision"),
    [
        (0.0, 0.01, 0.5, ACCEPT),
        (0.0, 0.0, 0.0, REJECT),  # the same model again
        (0.0, -0.1, 0.5, ASK),
        (0.2, 0.2, 0.5, ACCEPT),
        (0.2, 0.1, 0.5, ASK),
        (0.2, 0.1, 0.19, REJECT),
    ],
)
def test_what_must_rise_is_too(least: float, low: float, high: float, decision: Decision) -> None:
    rule = Rule(role="must_rise", at_least=least)
    assert decide(plan(likelihood_new=rule), of(one(NEW, low, (low + high) / 2, high))).decision is decision


def test_of_seconds_less_is_better_and_a_share_is_of_the_champions() -> None:
    slower = one("latency", 0.1, 0.2, 0.3, unit="seconds", better="lower", champion=Estimate(1.0, 0.9, 1.1))
    assert decide(plan(latency=Rule(role="must_not_fall", tolerance="40%")), of(slower)).decision is ACCEPT
    assert decide(plan(latency=Rule(role="must_not_fall", tolerance="25%")), of(slower)).decision is ASK
    refused = decide(plan(latency=Rule(role="must_not_fall", tolerance="5%")), of(slower))
    assert refused.decision is REJECT
    assert "latency may rise by 0.05 seconds, 5% of the champion's, at most" in refused.reasons[1]


@pytest.mark.parametrize(
    "few", [{"items": 12}, {"clusters": 4}, {"difference": Estimate(0.5)}, {"difference": None}]
)
def test_too_little_data_is_said_to_be_too_little(few: dict[str, Any]) -> None:
    better = one(OLD, 0.4, 0.5, 0.6, **few)
    found = decide(plan(likelihood_old=KEPT), of(better))
    assert found.decision is ASK
    assert found.findings[0].state is State.TOO_LITTLE
    assert "too little data" in found.reasons[1]
    strict = plan(likelihood_old=KEPT).model_copy(update={"when_unsure": "reject"})
    assert decide(strict, of(better)).decision is REJECT


def test_prompts_that_are_all_there_are_need_no_interval() -> None:
    rule = Rule(role="must_not_fall", limit=0.9)
    whole = {"items": 5, "clusters": 5, "details": {"whole": True}, "challenger": Estimate(1.0, 1.0, 1.0)}
    assert decide(plan(golden=rule), of(one("golden", 0.0, 0.0, 0.0, **whole))).decision is ACCEPT
    assert decide(plan(golden=rule), of(one("golden", -0.2, -0.2, -0.2, **whole))).decision is REJECT


def test_what_was_not_measured_is_asked_for_or_refused_as_the_policy_says() -> None:
    named = {"likelihood.old": KEPT, "golden": Rule(role="must_not_fall")}
    results = of(one(OLD, -0.01, 0.0, 0.01))
    found = decide(GatePlan(metrics=named), results)
    assert found.decision is ASK
    assert "golden would have to be measured, or the policy to do without." in found.would_change
    assert decide(GatePlan(metrics=named, when_missing="reject"), results).decision is REJECT
    spared = named | {"golden": Rule(role="must_not_fall", when_missing="ignore")}
    assert decide(GatePlan(metrics=spared), results).decision is ACCEPT


def test_who_was_asked_nothing_has_shown_nothing() -> None:
    spared = GatePlan(metrics={"golden": Rule(role="must_not_fall", when_missing="ignore")})
    found = decide(spared, of(one("chrf.x", 0.4, 0.5, 0.6)))
    assert found.decision is ASK
    assert "What the policy asks for was not measured." in found.reasons
    told = decide(GatePlan(metrics={"*": Rule(role="informs")}), of(one("chrf.x", 0.4, 0.5, 0.6)))
    assert (told.decision, told.reasons[0]) == (ACCEPT, "Accepted: nothing is asked of it.")


def test_numbers_that_are_none_are_refused() -> None:
    found = decide(plan(likelihood_old=KEPT), of(one(OLD, 0.4, 0.5, 0.6, details={"broken": 3})))
    assert found.decision is REJECT
    assert "likelihood.old is no number for 3 of 203 items." in found.reasons


def test_without_a_champion_only_limits_count() -> None:
    first = one(OLD, 0, 0, 0, champion=None, difference=None)
    assert decide(plan(likelihood_old=KEPT), of(first)).decision is ACCEPT
    bound = plan(likelihood_old=Rule(role="must_not_fall", limit=-4.0))
    assert decide(bound, of(first)).decision is REJECT
    cautious = plan(likelihood_old=KEPT).model_copy(update={"when_alone": "ask"})
    assert decide(cautious, of(first)).decision is ASK
    beside = one(NEW, 0.4, 0.5, 0.6)
    assert (
        decide(plan(likelihood_old=KEPT), of(first, beside)).decision is ASK
    )  # there is one: it was not measured


def test_the_most_special_rule_counts() -> None:
    asked = GatePlan(metrics={"*": Rule(role="informs"), "likelihood.*": KEPT, NEW: Rule(role="must_rise")})
    assert [asked.rule_for(name)[0] for name in ("latency", OLD, NEW)] == ["*", "likelihood.*", NEW]  # type: ignore[index]
    assert GatePlan(metrics={NEW: KEPT}).rule_for(OLD) is None


def test_it_says_what_was_traded_for_what() -> None:
    slower = one("latency", 0.1, 0.2, 0.3, unit="seconds", better="lower")
    riskier = one("safety.refusals", -0.02, -0.015, -0.01, unit="share of answers")
    rules = {
        NEW: Rule(role="must_rise"),
        "latency": Rule(role="informs", weight=2),
        "safety.*": Rule(role="informs"),
    }
    results = of(one(NEW, 1.5, 1.6, 1.7), slower, riskier)
    found = decide(GatePlan(metrics=rules), results)
    assert found.decision is ACCEPT
    said = "It gained in quality (likelihood.new +1.6 nats per token); it lost in safety (safety.refusals -0.015 "
    assert f"{said}share of answers), speed (latency +0.2 seconds)." in found.reasons
    assert {one.group: one.balance for one in found.traded} == {"quality": 1.0, "safety": 0.0, "speed": -2.0}


def test_a_policy_may_refuse_what_loses_more_than_it_gains() -> None:
    rules = {NEW: Rule(role="must_rise"), "latency": Rule(role="informs", weight=2)}
    results = of(one(NEW, 1.5, 1.6, 1.7), one("latency", 0.1, 0.2, 0.3, unit="seconds", better="lower"))
    found = decide(GatePlan(metrics=rules, when_outweighed="reject"), results)
    assert found.decision is REJECT
    assert (
        "By the weights of the policy what was lost weighs more than what was gained: -1 margins."
        in found.reasons
    )
    assert any("without weighing" in sentence for sentence in found.would_change)


def test_it_says_what_would_have_changed_it() -> None:
    asked = plan(likelihood_old=KEPT, likelihood_new=Rule(role="must_rise", at_least=0.5))
    found = decide(asked, of(one(OLD, -0.1184, -0.05, 0.0184), one(NEW, 1.5, 1.6, 1.7)))
    assert found.would_change == (
        "It would have been accepted with a tolerance of 0.119 nats per token on likelihood.old.",
        "With about 1.9 times as many items, 375, likelihood.old would hold, if its figures stay as they are.",
    )
    narrowly = decide(asked, of(one(OLD, -0.09, -0.05, 0.0), one(NEW, 1.5, 1.6, 1.7)))
    assert narrowly.would_change == (
        "It would not have been accepted with a tolerance of less than 0.09 on likelihood.old.",
        "It would not have been accepted if likelihood.new had to gain more than 1.5.",
    )
    short = decide(asked, of(one(OLD, 0.0, 0.1, 0.2), one(NEW, 0.2, 0.3, 0.4)))
    assert short.would_change == ("It would have been accepted with a rise of 0.2 asked of likelihood.new.",)
    poisoned = decide(asked, of(one(OLD, -0.9, -0.8, -0.7), one(NEW, -0.4, -0.3, -0.2)))
    tolerances = "a tolerance of 0.9 nats per token on likelihood.old and a tolerance of 0.4 nats per token on likelihood.new"
    assert poisoned.would_change == (
        f"It would have been accepted with {tolerances}, which had only not to get worse.",
    )


def test_a_plan_that_asks_for_nothing_is_no_plan() -> None:
    with pytest.raises(InvalidRequest) as refused:
        decide(GatePlan(), of())
    assert refused.value.field == "policy.gate.metrics"


@pytest.mark.parametrize("task", Task)
def test_each_task_has_something_to_ask(task: Task) -> None:
    asked = filled(gate_plan({}), task)
    assert any(rule.role == "must_rise" for rule in (asked.metrics or {}).values())
    assert decide(asked, of()).decision is ASK
    own = GatePlan(metrics={OLD: KEPT})
    assert filled(own, task) is own


@given(plan=drawing.plans(), results=drawing.results())
def test_stored_as_json_they_lead_to_the_same_verdict(plan: GatePlan, results: Results) -> None:
    found = decide(plan, results)
    stored = json.loads(
        json.dumps([plan.model_dump(mode="json"), results.as_json(), found.as_json()], allow_nan=False)
    )
    again = decide(GatePlan.model_validate(stored[0]), results_of(stored[1]))
    assert again == found == decided_of(stored[2])


@given(plan=drawing.plans(), results=drawing.results())
def test_who_is_accepted_has_met_all_that_was_asked(plan: GatePlan, results: Results) -> None:
    found = decide(plan, results)
    if found.decision is ACCEPT:
        assert all(
            one.state not in (State.FAILS, State.UNSURE, State.TOO_LITTLE, State.BROKEN)
            for one in found.findings
        )
    else:
        assert any(one.asks is found.decision for one in found.findings)
    assert found.decision is not REJECT or any(one.asks is REJECT for one in found.findings)


@given(plan=drawing.plans(), results=drawing.results())
def test_the_order_of_metrics_does_not_matter(plan: GatePlan, results: Results) -> None:
    turned = replace(results, measured=tuple(reversed(results.measured)))
    assert decide(plan, turned).decision is decide(plan, results).decision


@given(results=drawing.results(), plan=drawing.plans())
def test_a_better_challenger_is_never_worse_off(plan: GatePlan, results: Results) -> None:
    """Each difference half a unit better, and each figure, with the same intervals; nothing weighed against another."""
    plan = plan.model_copy(update={"when_outweighed": "informs"})
    order = [REJECT, ASK, ACCEPT]
    better = replace(results, measured=tuple(_raised(one) for one in results.measured))
    assert order.index(decide(plan, better).decision) >= order.index(decide(plan, results).decision)


def _raised(found: Measured) -> Measured:
    by = 0.5 if found.better == "higher" else -0.5
    return replace(found, challenger=_moved(found.challenger, by), difference=_moved(found.difference, by))


def _moved(one: Estimate | None, by: float) -> Estimate | None:
    if one is None or one.low is None or one.high is None:
        return one
    return Estimate(one.value + by, one.low + by, one.high + by)
