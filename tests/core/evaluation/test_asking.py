"""Golden prompts, questions that are changed a little, and the judge who does not know whose answers it reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mainspring.evaluation.metrics.golden import golden, passes
from mainspring.evaluation.metrics.judging import Asked, Heard, Order, heard, judge, outcome, question
from mainspring.evaluation.metrics.perturbing import KINDS, perturbed
from mainspring.evaluation.plan import Check, SuitePlan, suite_plan
from mainspring.evaluation.results import Estimate

A, B, TIE, NOTHING = Heard.FIRST, Heard.SECOND, Heard.TIE, Heard.NOTHING


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (Check(contains="Paris"), "It is Paris.", "It is paris."),
        (Check(contains="paris", ignore_case=True), "PARIS", "London"),
        (Check(lacks="sorry"), "Yes", "I am sorry"),
        (Check(matches=r"\b\d{4}\b"), "in 1969.", "in 69"),
        (Check(matches="^YES", ignore_case=True), "yes", "no"),
        (Check(equals="42"), " 42\n", "42."),
        (Check(is_json=True), "[1, 2]", "[1, 2"),
        (Check(keys=("name", "age")), '{"name": "x", "age": 1}', '{"name": "x"}'),
        (Check(keys=("name",)), '{"name": 1}', '["name"]'),
        (Check(max_length=5), "short", "longer"),
        (Check(contains="a", max_length=3), "abc", "abcd"),
    ],
)
def test_a_check_says_what_an_answer_has_to_be(check: Check, good: str, bad: str) -> None:
    assert passes([check], good)
    assert not passes([check], bad)
    assert not passes([check, Check(equals="something else")], good)


def test_a_check_that_asks_nothing_or_cannot_be_read_is_refused() -> None:
    for wrong in ({}, {"ignore_case": True}, {"matches": "(("}, {"contain": "x"}):
        with pytest.raises(ValidationError):
            Check.model_validate(wrong)


def test_golden_prompts_are_all_there_are() -> None:
    found = golden([(True, True), (False, True), (True, False), (True, True)])
    assert found.challenger == Estimate(0.75, 0.75, 0.75)
    assert found.difference == Estimate(0.0, 0.0, 0.0)
    assert found.details == {"whole": True, "lost": [1]}
    assert golden([(True, None)]).difference is None
    assert golden([]).challenger is None


def test_a_suite_is_part_of_the_policy() -> None:
    policy = {
        "evaluation": {
            "items": 50,
            "golden": [{"input": "Capital of France?", "checks": [{"contains": "Paris"}]}],
        }
    }
    found = suite_plan(policy)
    assert found.golden[0].checks == (Check(contains="Paris"),)
    assert suite_plan({}) == SuitePlan()
    assert SuitePlan.model_validate(found.model_dump(mode="json")) == found


@given(text=st.text(max_size=300), seed=st.integers(0, 9))
def test_changes_are_small_and_the_same_again(text: str, seed: int) -> None:
    found = perturbed(text, seed)
    assert found == perturbed(text, seed)
    assert set(found) <= set(KINDS)
    for one in found.values():
        assert one != text
    for name in found.keys() - {"case"}:
        assert abs(len(found[name]) - len(text)) <= 2 + len(text) // 4


def test_each_kind_changes_what_it_says() -> None:
    text = "Where is my parcel, please? It should have been delivered on Monday."
    found = perturbed(text, 1)
    assert set(found) == set(KINDS)
    assert found["case"].casefold() == text.casefold()
    assert found["spaces"].split() == text.split()
    assert [a == b for a, b in zip(found["typing"].split(), text.split(), strict=True)].count(False) == 1
    assert len(found["punctuation"]) == len(text) - 1
    assert len({perturbed(text, seed)["typing"] for seed in range(20)}) > 5


@pytest.mark.parametrize(
    ("first", "second", "won"),
    [(A, B, 1), (B, A, -1), (A, A, 0), (B, B, 0), (TIE, TIE, 0), (A, TIE, 0), (NOTHING, A, 0)],
)
def test_only_who_wins_in_both_orders_has_won(first: Heard, second: Heard, won: int) -> None:
    assert outcome(Asked(first, second)) == won


def test_the_judge_sees_two_answers_and_no_names() -> None:
    first = question("Why?", "because", "no idea", Order.CHALLENGER_FIRST)
    assert first == question("Why?", "no idea", "because", Order.CHAMPION_FIRST)
    assert first.index("because") < first.index("no idea")
    assert "challenger" not in first
    assert "champion" not in first


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("A", A),
        ("b.", B),
        ("Tie", TIE),
        ("**Answer: B**", B),
        ("[[A]]", A),
        ("A is longer, but B is right.\n\nB", B),
        ("The better answer is A", A),
        ("A clear case", NOTHING),
        ("", NOTHING),
        ("Both", NOTHING),
    ],
)
def test_what_the_judge_said(said: str, meant: Heard) -> None:
    assert heard(said) is meant


def test_a_judge_that_prefers_a_place_decides_nothing() -> None:
    found = judge([Asked(A, A)] * 60 + [Asked(NOTHING, A)] * 5, 0.95)
    assert found.difference is not None
    assert found.difference.value == 0
    assert found.details == {"ties": 60, "swayed_by_order": 60, "not_understood": 5}
    assert found.items == 60


def test_who_wins_more_often_is_better() -> None:
    found = judge([Asked(A, B)] * 40 + [Asked(B, A)] * 10 + [Asked(TIE, TIE)] * 10, 0.95)
    assert found.challenger is not None
    assert found.champion is not None
    assert found.difference is not None
    assert found.difference.low is not None
    assert (found.challenger.value, found.champion.value) == pytest.approx((2 / 3, 1 / 6))
    assert found.difference.low > 0.2
