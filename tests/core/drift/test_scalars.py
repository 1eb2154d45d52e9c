"""Numbers: up, down and spread are told apart, missing ones pass, a tolerance tolerates, and nothing cries wolf."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainspring.drift.scalars import Scalar

RNG = np.random.default_rng(0)
REFERENCE = RNG.normal(size=500)
QUIET = RNG.normal(size=200)
MOVES = {"up": RNG.normal(1, 1, 200), "down": RNG.normal(-1, 1, 200), "spread": RNG.normal(0, 2.5, 200)}
GOLDEN = {"up": 254, "down": 231, "spread": 209}


@pytest.mark.parametrize("way", MOVES)
def test_each_way_is_found_at_exactly_this_number(way: str) -> None:
    scalar = Scalar.begin(REFERENCE, seed=1)
    evidence = scalar.take(np.concatenate([QUIET, MOVES[way]]))
    assert scalar.alarmed_at == GOLDEN[way]
    assert evidence[GOLDEN[way]] >= scalar.log_bound() > evidence[: GOLDEN[way]].max()
    moved = scalar.moved()
    assert moved.way == way
    assert moved.since == pytest.approx(200, abs=30)
    assert moved.share > 0.2


def test_missing_numbers_change_nothing() -> None:
    full, gaps = Scalar.begin(REFERENCE, seed=1), Scalar.begin(np.append(REFERENCE, np.nan), seed=1)
    stream = np.concatenate([QUIET, MOVES["up"]])
    holes = np.insert(stream, np.arange(0, len(stream), 3), np.nan)
    expected = full.take(stream)
    np.testing.assert_array_equal(gaps.take(holes)[np.isfinite(holes)], expected)
    assert gaps.alarmed_at == full.alarmed_at


@settings(max_examples=8, deadline=None)
@given(cut=st.integers(0, 300), tolerance=st.sampled_from([None, 1.5]))
def test_it_goes_on_exactly_from_its_state(cut: int, tolerance: float | None) -> None:
    stream = np.exp(np.concatenate([QUIET[:150], MOVES["up"][:150]]))
    whole, first = (Scalar.begin(np.exp(REFERENCE), 3, tolerance=tolerance) for _ in range(2))
    expected = whole.take(stream)
    before = first.take(stream[:cut])
    second = Scalar.restore(first.state())
    np.testing.assert_array_equal(np.concatenate([before, second.take(stream[cut:])]), expected)
    assert second.alarmed_at == whole.alarmed_at
    assert second.moved() == whole.moved()


def test_a_latency_that_rises_within_its_tolerance_is_no_alarm() -> None:
    rng = np.random.default_rng(4)
    reference, harmless, slow = (rng.lognormal(np.log(factor), 0.4, 2000) for factor in (1.0, 1.15, 2.5))
    calm = Scalar.begin(reference, 1, tolerance=1.25)
    calm.take(harmless)
    assert calm.alarmed_at is None
    calm.take(slow)
    assert calm.alarmed_at is not None
    assert 2000 <= calm.alarmed_at < 2050
    assert calm.moved().way == "up"
    strict = Scalar.begin(reference, 1)
    strict.take(harmless)
    assert strict.alarmed_at is not None


def test_without_a_change_there_is_no_alarm() -> None:
    """30 streams at alpha 5%: more than 5 alarm once in 100 runs of other seeds."""
    alarms = 0
    for seed in range(30):
        rng = np.random.default_rng([seed, 1])
        scalar = Scalar.begin(rng.exponential(size=200), seed, alpha=0.05)
        scalar.take(rng.exponential(size=300))
        alarms += scalar.alarmed_at is not None
    assert alarms <= 5


@pytest.mark.parametrize(("reference", "tolerance"), [([np.nan], None), ([1.0], 0.5)])
def test_what_says_nothing_is_refused(reference: list[float], tolerance: float | None) -> None:
    with pytest.raises(ValueError, match="at least"):
        Scalar.begin(np.array(reference), 1, tolerance=tolerance)
