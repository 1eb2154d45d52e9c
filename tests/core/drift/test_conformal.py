"""What the bound rests on: p-values that are uniform and independent, bets that pay at most 1, capitals that start as 1."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mainspring.drift.arrays import restored, saved
from mainspring.drift.bets import NARROW, WIDE, Bets, log_means
from mainspring.drift.chance import uniforms
from mainspring.drift.learned import Learner, packed, unpacked
from mainspring.drift.mixture import Mixture
from mainspring.drift.ranks import Bag, in_order
from mainspring.drift.starts import Starts, changed_share, log_paths, log_prior, log_waiting


@pytest.mark.parametrize("ties", [False, True])
def test_p_values_are_uniform_and_independent_while_the_bag_forgets(ties: bool) -> None:  # noqa: FBT001
    """A bag of 20 that drops a member with every request; scores with ties and without."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(800):
        scores = rng.integers(0, 4, 28).astype(float) if ties else rng.normal(size=28)
        bag = Bag(in_order(scores[:20]), limit=20)
        found.append([bag.take(score, *rng.random(2)) for score in scores[20:]])
    p = np.array(found)
    assert stats.kstest(p.ravel(), "uniform").pvalue > 0.001
    for one, other in itertools.combinations(range(8), 2):
        assert stats.spearmanr(p[:, one], p[:, other]).pvalue > 0.0001


def test_a_bag_stays_small_and_in_order() -> None:
    bag = Bag(in_order(np.array([3.0, 1.0])), limit=4)
    p = [bag.take(score, 0.5, 0.0) for score in (2.0, 0.0, 5.0, 1.0)]
    np.testing.assert_allclose(p, [1.5 / 3, 3.5 / 4, 0.5 / 5, 4 / 5])
    np.testing.assert_array_equal(bag.scores, [1, 2, 3, 5])


@pytest.mark.parametrize("bets", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_bet_pays_one_on_average_and_falls_in_p(bets: Bets) -> None:
    edges = np.geomspace(1e-12, 1, 200_001)
    payoffs = np.exp(bets.log_payoffs(edges))
    assert (np.diff(payoffs, axis=0) <= 0).all()
    below = payoffs[1:] * np.diff(edges)[:, None]
    assert below.sum(axis=0).max() <= 1
    assert below.sum(axis=0).min() > 0.7  # what lies under 1e-12 is not bet on


def test_what_is_set_aside_sums_to_the_whole() -> None:
    parts = np.exp([log_prior(start) for start in range(5000)])
    assert parts.sum() + np.exp(log_waiting(5000)) == pytest.approx(1)
    assert (np.diff(parts) < 0).all()


@settings(max_examples=20, deadline=None)
@given(cuts=st.sets(st.integers(1, 39)), seed=st.integers(0, 9))
def test_starts_are_the_same_to_the_bit_however_the_requests_are_handed_over(
    cuts: set[int], seed: int
) -> None:
    p = np.random.default_rng(seed).random((40, 3))
    one_by_one, in_parts = Starts.begin(3), Starts.begin(3)
    expected = [one_by_one.take(each) for each in p]
    found = [in_parts.take_all(part) for part in np.split(p, sorted(cuts))]
    np.testing.assert_array_equal(np.concatenate(found), expected)
    for name, array in saved(one_by_one).items():
        np.testing.assert_array_equal(saved(in_parts)[name], array)


@settings(max_examples=50)
@given(scores=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30))
def test_a_score_is_rounded_as_the_bag_it_joins(scores: list[float]) -> None:
    """Else what is equal would not be a tie."""
    bag = Bag(np.empty(0))
    for score in scores:
        bag.take(score, 0.5, 0.0)
    np.testing.assert_array_equal(bag.scores, in_order(np.array(scores)))


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_starts_are_the_mean_over_every_start(p: list[float]) -> None:
    starts = Starts.begin()
    values = [float(starts.take(np.array([one]))[0]) for one in p]
    payoffs = WIDE.log_payoffs(np.array(p))
    capitals = [np.exp(log_prior(i) + payoffs[i:].sum(axis=0)).mean() for i in range(len(p))]
    assert values[-1] == pytest.approx(np.log(sum(capitals) + np.exp(log_waiting(len(p)))), abs=1e-9)
    best = [(log_prior(i) + payoffs[i:].sum(axis=0)).max() for i in range(len(p))]
    assert best[starts.since()] == pytest.approx(max(best), abs=1e-9)


def test_the_mixture_bets_fairly_whatever_it_has_learned() -> None:
    """The mean of the capital over a uniform p is the capital before, also when a beginning is due."""
    rng, widths = np.random.default_rng(5), np.array([0.5, 0.3, 0.2])
    members = np.array([2, 3, 5]) * 10**9
    mixture = Mixture.begin(widths, rng.choice(3, 60))
    for place in range(40):
        before = np.exp(mixture.log_value)
        mixture.members = members.copy()
        after = [
            [
                np.exp(restored(Mixture, saved(mixture)).take(cluster, tie))
                for tie in np.arange(0.025, 1, 0.05)
            ]
            for cluster in range(3)
        ]
        assert np.mean(after, axis=1) @ members / members.sum() == pytest.approx(before), place
        mixture.take(int(rng.integers(3)), rng.random())


def test_clusters_give_p_values_that_are_uniform_and_independent() -> None:
    """Seen through the bet: the bin of each p-value is as common as it is wide."""
    rng, widths = np.random.default_rng(6), np.array([0.5, 0.3, 0.2])
    counts = []
    for _ in range(600):
        mixture = Mixture.begin(widths, rng.choice(3, 60, p=[0.2, 0.3, 0.5]))  # the widths need not be right
        for cluster in rng.choice(3, 15, p=[0.2, 0.3, 0.5]):
            mixture.take(int(cluster), rng.random())
        counts.append(mixture.counts[0])
    found = np.array(counts)
    assert stats.chisquare(found.sum(axis=0), widths * found.sum()).pvalue > 0.001
    assert found[:, 0].var() == pytest.approx(15 * 0.25, rel=0.2)


def test_the_share_is_told_from_the_small_p_values() -> None:
    rng = np.random.default_rng(2)
    p = np.concatenate([rng.random(700), rng.random(300) * 0.1])
    assert changed_share(int((p <= 0.2).sum()), len(p)) == pytest.approx(0.3, abs=0.05)
    assert changed_share(0, 0) == 0


@settings(max_examples=30)
@given(values=st.lists(st.integers(0, 6), min_size=2, max_size=40), cut=st.integers(1, 39))
def test_a_learner_ranks_as_a_bag_does_however_it_is_fed(values: list[int], cut: int) -> None:
    scores, known = np.array(values, float), in_order(np.arange(7.0))
    ties = uniforms(3, 0, 0, len(values), 1)[:, 0]
    bag = Bag(known)
    p = np.array([bag.take(score, tie, 0.0) for score, tie in zip(scores, ties, strict=True)])
    expected = log_means(log_paths(NARROW, np.zeros(len(NARROW)), p))
    learner = Learner(0, 99, 0.0, np.zeros(2, np.float32), known, np.zeros(len(NARROW)))
    first = learner.take(scores[:cut], ties[:cut])
    learner = unpacked(packed([learner], 2))[0]
    rest = learner.take(scores[cut:], ties[cut:]) if cut < len(scores) else np.empty(0)
    np.testing.assert_array_equal(np.concatenate([first, rest]), expected)
    assert learner.small == (p <= 0.2).sum()
    np.testing.assert_array_equal(learner.scores, bag.scores)


def test_draws_depend_on_seed_place_and_stream_alone() -> None:
    together = uniforms(1, 0, 5, 3, 4)
    np.testing.assert_array_equal(
        np.concatenate([uniforms(1, 0, place, 1, 3) for place in (5, 6, 7)]), together[:, :3]
    )
    drawn = {float(uniforms(seed, stream, 0, 1, 1)[0, 0]) for seed in (1, 2) for stream in (0, 1, 2)}
    assert len(drawn) == 6
    assert stats.kstest(uniforms(1, 0, 0, 500, 8).ravel(), "uniform").pvalue > 0.001
    with pytest.raises(ValueError, match="at most 64"):
        uniforms(1, 0, 0, 1, 65)
