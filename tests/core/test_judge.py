"""The judge of rollouts: fair bets, the same whatever the order, and convicted only what is worse."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.release.evidence import RATIOS, Evidence
from mainspring.release.judge import SLOW, TROUBLES, Count, Moment, in_words, look
from mainspring.release.plan import RolloutPlan

SHARES = st.floats(0.001, 0.999)


@given(share=SHARES, quality=st.floats(0.01, 1.0))
def test_no_bet_wins_on_average_against_one_that_is_no_worse(share: float, quality: float) -> None:
    """`quality`: how many times as often as the champion it goes wrong, at most 1."""
    blame = quality * share / (quality * share + 1 - share)
    for index in range(len(RATIOS)):
        guilty, innocent = Evidence(), Evidence()
        guilty.trouble(share, by_challenger=True)
        innocent.trouble(share, by_challenger=False)
        expected = blame * math.exp(guilty.capital[index]) + (1 - blame) * math.exp(innocent.capital[index])
        assert expected <= 1 + 1e-9


@given(
    troubles=st.lists(st.tuples(st.sampled_from([0.01, 0.05, 0.25]), st.booleans()), max_size=60),
    seed=st.randoms(),
)
def test_order_does_not_matter(troubles: list[tuple[float, bool]], seed: random.Random) -> None:
    forwards, shuffled = Evidence(), Evidence()
    for share, guilty in troubles:
        forwards.trouble(share, by_challenger=guilty)
    seed.shuffle(troubles)
    for share, guilty in troubles:
        shuffled.trouble(share, by_challenger=guilty)
    assert forwards.log_value == pytest.approx(shuffled.log_value, abs=1e-9)
    assert (forwards.challenger, forwards.champion) == (shuffled.challenger, shuffled.champion)


def test_nothing_seen_says_nothing() -> None:
    assert Evidence().log_value == pytest.approx(0)
    assert not Evidence().convicts(0.05)


def test_alpha_holds_however_often_one_looks() -> None:
    """Five hundred rollouts of a challenger that is no worse, looked at after every trouble of four hundred."""
    draw, alpha, wrong = random.Random(5), 0.05, 0
    for _ in range(500):
        evidence = Evidence()
        for number in range(400):
            share = (0.05, 0.25)[number // 200]
            evidence.trouble(share, by_challenger=draw.random() < share)
            if evidence.convicts(alpha):
                wrong += 1
                break
    # Were alpha kept exactly, more than 41 of 500 would be seen once in a thousand times.
    assert wrong <= 41, Fraction(wrong, 500)


def test_five_times_as_many_errors_are_seen_soon() -> None:
    draw, share, needed = random.Random(7), 0.25, []
    for _ in range(100):
        evidence, troubles = Evidence(), 0
        while not evidence.convicts(0.01):
            evidence.trouble(share, by_challenger=draw.random() < 5 * share / (5 * share + 1 - share))
            troubles += 1
        needed.append(troubles)
    assert sorted(needed)[50] < 40


@given(share=SHARES, guilty=st.booleans())
def test_a_moment_of_one_answer_is_one_trouble(share: float, *, guilty: bool) -> None:
    one, other = Evidence(), Evidence()
    one.trouble(share, by_challenger=guilty, times=3)
    other.moment(share, units=1, challenger=int(guilty), champion=int(not guilty), times=3)
    assert other.capital == pytest.approx(one.capital, abs=1e-9)


@given(share=st.sampled_from([0.01, 0.1, 0.25, 0.5]), units=st.integers(1, 40))
def test_no_bet_wins_on_average_when_either_engine_stands_still(share: float, units: int) -> None:
    """Each answer is drawn; then one engine, either as likely, is slow with all that it got."""
    for index in range(len(RATIOS)):
        expected = 0.0
        for its in range(units + 1):
            chance = math.comb(units, its) * share**its * (1 - share) ** (units - its)
            for challenger, champion in ((its, 0), (0, units - its)):
                told = Evidence()
                told.moment(share, units=units, challenger=challenger, champion=champion)
                expected += chance / 2 * math.exp(told.capital[index])
        assert expected <= 1 + 1e-9


def test_engines_that_stand_still_are_no_worse_for_it() -> None:
    """Two hundred rollouts in which each engine stops now and then, and then all that it holds is slow: by single answers
    most would be taken back, by moments one in a hundred may be."""
    draw, alpha, wrong, naive = random.Random(3), 0.01, 0, 0
    for _ in range(200):
        moments, answers = Evidence(), Evidence()
        by_moments = by_answers = False
        for _ in range(100):
            stopped = draw.choice([None] * 8 + [True, False])  # the challenger's, or the champion's
            its = sum(draw.random() < 0.25 for _ in range(40))
            slow = {None: (0, 0), True: (its, 0), False: (0, 40 - its)}[stopped]
            if any(slow):
                moments.moment(0.25, units=40, challenger=slow[0], champion=slow[1])
                for guilty, times in zip((True, False), slow, strict=True):
                    answers.trouble(0.25, by_challenger=guilty, times=times)
            by_moments |= moments.convicts(alpha)
            by_answers |= answers.convicts(alpha)
        wrong, naive = wrong + by_moments, naive + by_answers
    # Were alpha kept exactly, more than 8 of 200 would be seen once in a thousand times.
    assert wrong <= 8
    assert naive > 100


def test_one_that_is_slow_is_seen_within_two_minutes() -> None:
    moments = [Moment(0.25, units=40, challenger=10, champion=3, times=24)]
    found = look(RolloutPlan(), 0.25, [], moments)
    assert found.worse == SLOW
    assert "of 312 answers slower than nine of ten were before 240 were its own" in in_words(
        SLOW, found.evidence[SLOW]
    )
    assert look(RolloutPlan(), 0.25, [], [Moment(0.25, 40, 10, 0)]).worse is None


def test_a_look_names_what_is_worst_and_counts_what_was_seen_in_this_step() -> None:
    clean = dict.fromkeys(TROUBLES, 0)
    counts = [
        Count(0.05, challenger=False, units=950, troubles=clean | {"failed": 2, "blocked": 95}),
        Count(0.05, challenger=True, units=50, troubles=clean | {"failed": 30, "blocked": 12}),
        Count(0.25, challenger=False, units=75, troubles=clean),
        Count(0.25, challenger=True, units=25, troubles=clean),
    ]
    found = look(RolloutPlan(), 0.25, counts)
    assert (found.worse, found.units) == ("failed", 25)
    said = in_words("failed", found.evidence["failed"])
    assert "of 32 answers that failed 30 were its own" in said
    assert found.as_json()["evidence"]["failed"]["challenger"] == 30


def test_a_share_of_all_or_nothing_is_no_comparison() -> None:
    counts = [Count(1.0, challenger=True, units=100, troubles=dict.fromkeys(TROUBLES, 100))]
    assert look(RolloutPlan(), 1.0, counts).worse is None


@pytest.mark.parametrize(
    "plan", [{"steps": [0.5, 0.1]}, {"steps": [0.0]}, {"steps": [1.0]}, {"alpha": 0}, {"steps": [0.1, 0.1]}]
)
def test_plans_that_cannot_be(plan: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        RolloutPlan.model_validate(plan)
