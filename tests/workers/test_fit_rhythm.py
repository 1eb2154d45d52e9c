"""Checkpoints by the clock: a kill at any moment costs a minute at most, and writing them costs little."""

from hypothesis import given
from hypothesis import strategies as st

from mainspring.training.rhythm import BOUND, COST, SHORTEST, Rhythm
from mainspring.training.speed import Speed, spoken

STEPS = st.lists(st.floats(0.01, 20), min_size=20, max_size=300)


def drive(steps: list[float], saving: float) -> tuple[float, float, int, float]:
    """The most that a kill can cost, the longest step, how many were written, how long all of it took."""
    now = kept = worst = 0.0
    many = 0
    rhythm = Rhythm(now)
    for step in steps:
        now += step
        worst = max(worst, now - kept)
        if rhythm.stepped(now):
            worst = max(worst, now + saving - kept)
            kept = now
            now += saving
            rhythm.saved(kept, now)
            many += 1
    return worst, max(steps), many, now


@given(st.floats(0.01, 19), st.floats(0.01, 10), st.integers(20, 400))
def test_a_kill_costs_a_minute_at_most(step: float, saving: float, many: int) -> None:
    worst, _, _, _ = drive([step] * many, saving)
    assert worst <= BOUND + 1e-6 or worst <= SHORTEST + 2 * step + saving


@given(STEPS, st.floats(0.01, 8))
def test_steps_that_vary_cost_one_step_more(steps: list[float], saving: float) -> None:
    worst, longest, _, _ = drive(steps, saving)
    assert worst <= BOUND + longest + saving


def test_writing_costs_little_where_it_is_quick_and_half_at_most() -> None:
    _, _, many, seconds = drive([0.5] * 4000, 1.0)
    assert many * 1.0 <= COST * seconds
    assert seconds / (SHORTEST + 3) <= many
    _, _, many, seconds = drive([1.0] * 4000, 50.0)
    assert many * 50.0 <= 0.52 * seconds


def test_how_long_the_rest_takes() -> None:
    speed = Speed()
    assert (speed.tokens_per_second, speed.remaining(5)) == (None, None)
    for second in range(200):
        step = second if second < 100 else 100 + (second - 100) // 2  # half as fast of late
        speed.mark(float(second), step, 50 * step)
    assert speed.tokens_per_second is not None
    assert 24 <= speed.tokens_per_second <= 26
    assert round(speed.remaining(100) or 0) in range(195, 206)
    assert [spoken(40), spoken(720), spoken(12600)] == ["40 s", "12 min", "3.5 h"]
