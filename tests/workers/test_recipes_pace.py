"""The number of threads follows what the machine has to give."""

from workers.gpu.recipes.pace import Pace

FREE, BUSY = {1: 1.8, 2: 1.0}, {1: 1.0, 2: 7.5}  # seconds a step, by threads


def drive(pace: Pace, seconds: dict[int, float], steps: int) -> list[int]:
    used = []
    for _ in range(steps):
        used.append(pace.threads)
        pace.step(seconds[pace.threads])
    return used


def test_a_free_machine_is_used_whole() -> None:
    used = drive(Pace(2, lambda _: None), FREE, 400)
    assert used.count(2) >= 390


def test_a_busy_one_gets_one_thread_and_back_again() -> None:
    said: list[int] = []
    pace = Pace(2, said.append)
    assert drive(pace, BUSY, 200)[30:].count(1) >= 160
    assert pace.threads == 1
    assert drive(pace, FREE, 400)[-100:].count(2) >= 95
    assert said[0] == 1


def test_a_single_core_is_left_alone() -> None:
    said: list[int] = []
    assert drive(Pace(1, said.append), {1: 1.0}, 100) == [1] * 100
    assert said == []
