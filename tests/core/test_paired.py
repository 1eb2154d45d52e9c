"""Two versions with the same questions: pairs that are alike say nothing, and chance has its share and no more."""

import random
from math import comb

from hypothesis import given
from hypothesis import strategies as st

from mainspring.release.paired import Pair, Side, agreed, evidence, figures, sign_test
from mainspring.release.plan import RolloutPlan, ShadowPlan
from mainspring.release.shadow import prompts_verdict, shadow_verdict

GOOD, BAD = Side(False, 10, 1.0, -1.0), Side(True, None, None, None)
UNLIKELY = Side(False, 10, 1.0, -9.0)
PLAN = RolloutPlan(shadow=ShadowPlan(samples=30))
TESTED = RolloutPlan(prompts="acceptance")


def pairs(champion: Side, challenger: Side, count: int, agreement: float | None = 1.0) -> list[Pair]:
    return [Pair(champion, challenger, agreement)] * count


@given(outcomes=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_the_sign_test_counts_only_what_differs(outcomes: list[tuple[bool, bool]]) -> None:
    chance = sign_test(outcomes)
    assert 0 < chance <= 1
    assert chance == sign_test([pair for pair in outcomes if pair[0] != pair[1]])


def test_the_sign_test_is_the_binomial_tail() -> None:
    lost, won = [(True, False)], [(False, True)]
    assert sign_test([]) == 1.0
    assert sign_test(lost * 5) == 1 / 2**5
    assert sign_test(lost * 8 + won * 2) == sum(comb(10, count) for count in (8, 9, 10)) / 2**10


def test_equals_are_not_convicted_however_both_fail() -> None:
    found = evidence(pairs(BAD, BAD, 500) + pairs(GOOD, GOOD, 500), -5.0)
    assert all(one.challenger + one.champion == 0 for one in found.values())


def test_alpha_holds_in_the_shadow_however_often_one_looks() -> None:
    """Both fail one time of ten, independently of each other."""
    draw, wrong = random.Random(3), 0
    for _ in range(300):
        seen: list[Pair] = []
        for _ in range(12):
            seen += [Pair(*(BAD if draw.random() < 0.1 else GOOD for _ in range(2)), None) for _ in range(20)]
            if shadow_verdict(PLAN, seen, -5.0).worse is not None:
                wrong += 1
                break
    assert wrong / 300 <= PLAN.part + 0.03


def test_who_fails_alone_goes_back_soon() -> None:
    verdict = shadow_verdict(PLAN, pairs(GOOD, BAD, 12, None), None)
    assert verdict.worse is not None
    assert "answers that failed" in verdict.worse
    verdict = shadow_verdict(PLAN, pairs(GOOD, UNLIKELY, 12), -5.0)
    assert verdict.worse is not None
    assert "less likely" in verdict.worse
    assert shadow_verdict(PLAN, pairs(UNLIKELY, GOOD, 40), -5.0).worse is None


def test_enough_is_what_the_plan_says_and_agreement_a_condition_where_it_is_one() -> None:
    assert not shadow_verdict(PLAN, pairs(GOOD, GOOD, 29), None).enough
    assert shadow_verdict(PLAN, pairs(GOOD, GOOD, 30, 0.2), None) == shadow_verdict(
        PLAN, pairs(GOOD, GOOD, 30, 0.2), None
    )
    assert shadow_verdict(PLAN, pairs(GOOD, GOOD, 30, 0.2), None).enough
    strict = RolloutPlan(shadow=ShadowPlan(samples=30, agreement=0.5))
    assert shadow_verdict(strict, pairs(GOOD, GOOD, 29, 0.2), None).worse is None
    verdict = shadow_verdict(strict, pairs(GOOD, GOOD, 30, 0.2), None)
    assert verdict.worse == "it agrees with the champion by 20%, and 50% are wanted"
    assert shadow_verdict(strict, pairs(GOOD, GOOD, 30, 0.9), None).enough


def test_prompts_are_judged_once_all_are_answered() -> None:
    failing = pairs(GOOD, BAD, 8, None)
    assert not prompts_verdict(TESTED, failing, 2).enough
    assert prompts_verdict(TESTED, failing, 2).worse is None
    assert prompts_verdict(TESTED, failing, 0).worse is not None
    right, wrong = Side(False, 1, 1.0, None, right=True), Side(False, 1, 1.0, None, right=False)
    verdict = prompts_verdict(TESTED, pairs(right, wrong, 9), 0)
    assert verdict.worse is not None
    assert "wrong" in verdict.worse
    assert prompts_verdict(TESTED, pairs(right, wrong, 4) + pairs(wrong, right, 3), 0).enough


def test_alpha_is_shared_by_what_a_challenger_goes_through() -> None:
    assert RolloutPlan(alpha=0.06).part == 0.06
    assert RolloutPlan(alpha=0.06, shadow=ShadowPlan(), prompts="a").part == 0.02


def test_figures_and_agreement() -> None:
    seen = pairs(GOOD, UNLIKELY, 40, 0.25)
    told = {one["name"]: one for one in figures(seen)}
    assert told["likelihood"]["b_is"] == "worse"
    assert told["failed"]["differs"] is False
    assert "right" not in told
    slow = [Pair(Side(False, 10, 9.0, -1.0), GOOD, 1.0)] * 40
    assert {one["name"]: one["b_is"] for one in figures(slow)}["seconds"] == "better"
    assert {one["name"]: one["b_is"] for one in figures(slow, timed=False)}["seconds"] is None
    found = agreed(seen)
    assert found is not None
    assert found.value == 0.25
    assert agreed(seen[:10]) is None
