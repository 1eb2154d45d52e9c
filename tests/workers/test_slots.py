"""No wake-up is lost between 'the queue is empty' and 'the slot is free'."""

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from hypothesis import given
from hypothesis import strategies as st

from workers.slots import Slots


def test_a_nudge_turned_away_makes_a_busy_slot_look_again() -> None:
    slots = Slots(1)
    assert slots.enter()
    assert not slots.enter()
    assert slots.leave()
    assert slots.enter()
    assert not slots.leave()


@given(capacity=st.integers(1, 3), jobs=st.integers(1, 60))
def test_every_job_is_taken_though_each_nudge_may_be_dropped(capacity: int, jobs: int) -> None:
    slots, lock = Slots(capacity), Lock()
    queue: list[int] = []
    taken: list[int] = []
    most = [0, 0]

    def work() -> None:
        again = True
        while again and slots.enter():
            with lock:
                most[0] += 1
                most[1] = max(most)
            while True:
                with lock:
                    if not queue:
                        break
                    taken.append(queue.pop())
            with lock:
                most[0] -= 1
            again = slots.leave()

    def producer(job: int) -> None:
        with lock:
            queue.append(job)
        work()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(producer, range(jobs)))
    assert sorted(taken) == list(range(jobs))
    assert most[1] <= capacity
