"""The restart policy: doubled, bounded, forgiven after a healthy life."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.local.restarts import FIRST_DELAY, HEALTHY_AFTER, LONGEST_DELAY, Restarts

lives = st.floats(min_value=0, max_value=1e6)


def test_each_death_of_a_streak_doubles_the_wait_up_to_the_bound():
    waits, restarts = [], Restarts()
    for _ in range(8):
        restarts = restarts.died(lived=0.1)
        waits.append(restarts.delay)
    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 2, 2, 2, 2])


def test_who_lived_long_enough_starts_again_at_once():
    restarts = Restarts()
    for _ in range(5):
        restarts = restarts.died(lived=0.1)
    assert restarts.died(lived=HEALTHY_AFTER).delay == FIRST_DELAY


@given(st.lists(lives, min_size=1, max_size=200))
def test_whatever_happens_the_wait_is_bounded_and_every_death_is_counted(lived: list[float]):
    restarts = Restarts()
    for seconds in lived:
        restarts = restarts.died(lived=seconds)
        assert FIRST_DELAY <= restarts.delay <= LONGEST_DELAY
    assert restarts.total == len(lived)


@given(st.lists(st.floats(min_value=0, max_value=HEALTHY_AFTER, exclude_max=True), min_size=2, max_size=50))
def test_within_a_streak_the_wait_never_shrinks(lived: list[float]):
    restarts, waits = Restarts(), []
    for seconds in lived:
        restarts = restarts.died(lived=seconds)
        waits.append(restarts.delay)
    assert waits == sorted(waits)
