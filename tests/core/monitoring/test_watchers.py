"""What the detectors have in common, whatever it is that they look at."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies

from mainspring.monitor.watchers import Losses


def losses(rng: np.random.Generator, count: int, wrong: float) -> np.ndarray:
    return (rng.random(count) < wrong).astype(np.float64)


@settings(deadline=None, max_examples=30)
@given(strategies.integers(1, 99), strategies.integers(0, 2**32 - 1))
def test_losses_are_the_same_in_one_go_and_from_a_state(cut: int, seed: int) -> None:
    values = losses(np.random.default_rng(seed), 300, 0.3)
    whole, first = Losses(0.01, 0.05), Losses(0.01, 0.05)
    expected = whole.take(values)
    before = first.take(values[:cut])
    after = Losses.restore(first.state()).take(values[cut:])
    assert np.concatenate([before, after]).tolist() == expected.tolist()


def test_what_was_normal_stays_so_when_the_detector_begins_anew() -> None:
    """Else the wrong answers that raised an alarm would be what is normal after it."""
    rng = np.random.default_rng(1)
    well = losses(rng, Losses.FIRST, 0.05)
    begun = Losses(0.01, 0.05, well.tolist(), known=len(well))
    assert (begun.seen, begun.alarmed_at) == (0, None)
    begun.take(losses(rng, 100, 0.9))
    assert begun.alarmed_at is not None
    assert begun.alarmed_at < 100


@pytest.mark.parametrize("known", [0, 40])
def test_an_alarm_is_placed_among_what_it_was_given(known: int) -> None:
    rng = np.random.default_rng(2)
    well = losses(rng, Losses.FIRST, 0.05)
    watcher = Losses(0.01, 0.05, well[:known].tolist(), known=known)
    given_ = np.concatenate([well[known:], losses(rng, 100, 0.95)])
    evidence = watcher.take(given_)
    assert len(evidence) == len(given_) == watcher.seen
    assert watcher.alarmed_at == int(np.flatnonzero(evidence >= watcher.threshold)[0])
