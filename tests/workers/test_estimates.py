"""The estimate that a receipt gives, against the truth: a real api and a real worker, whose engine takes its time."""

from dataclasses import dataclass
from statistics import median
from time import monotonic, sleep
from typing import Any

from mainspring.client import Client
from mainspring.serving.throughput import Pace, Wait
from tests.workers.slow_pace import LONGEST, SHORTEST, SLOTS

ALONE, CROWD = 15, 45  # jobs
PACE_SECONDS = 0.02  # between two of the crowd: two and a half times as fast as they are answered


@dataclass(frozen=True)
class Estimated:
    estimate: float
    truth: float

    @property
    def ratio(self) -> float:
        return self.estimate / self.truth


def ended(api: Client, receipt: dict[str, Any]) -> Estimated:
    job = api.result(receipt["id"])
    assert job["state"] == "succeeded"
    return Estimated(receipt["estimated_wait_seconds"], job["timings"]["first_token"])


def paced(api: Client) -> list[dict[str, Any]]:
    """Receipts of a crowd that comes faster than it is answered."""
    receipts, begin = [], monotonic()
    for index in range(CROWD):
        sleep(max(0.0, begin + index * PACE_SECONDS - monotonic()))
        receipts.append(api.submit("assistant", "hello", seed=100 + index))
    return receipts


def test_the_estimate_is_within_half_as_much_again_of_the_truth(api: Client) -> None:
    first = api.submit("assistant", "hello")
    assert first["estimated_wait_seconds"] is None  # nothing was measured yet
    api.result(first["id"])
    alone = [ended(api, api.submit("assistant", "hello", seed=index)) for index in range(ALONE)]
    crowd = [ended(api, receipt) for receipt in paced(api)]
    for name, found in (("alone", alone), ("crowd", crowd), ("all", alone + crowd)):
        middle = median(one.ratio for one in found)
        print(
            f"{name}: {middle:.2f} of the truth, {min(one.ratio for one in found):.2f} to "
            f"{max(one.ratio for one in found):.2f}; waits up to {max(one.truth for one in found):.2f} s"
        )
        assert 1 / 1.5 < middle < 1.5
    assert max(one.truth for one in crowd) > 4 * LONGEST / SLOTS  # there was a queue


def test_every_line_of_a_bulk_has_its_own(api: Client) -> None:
    api.result(api.submit("assistant", "hello")["id"])
    receipts = list(api.submit_all([{"deployment": "assistant", "input": "hello"}] * 20))
    estimates = [receipt["estimated_wait_seconds"] for receipt in receipts if isinstance(receipt, dict)]
    assert estimates == sorted(estimates)
    assert estimates[0] < LONGEST
    assert estimates[-1] > 2 * SHORTEST


def test_what_there_is_no_measure_of_is_not_told() -> None:
    assert Pace(0, 0, 1.0, 1.0, 0.5, 0.01).seconds(0) is None
    assert Pace(4, 0).seconds(3) is None


def test_a_free_slot_is_waited_for_by_nobody() -> None:
    pace = Pace(4, 1, taken=2.0, crowded=4.0, begun=0.5, claimed=0.01)
    assert [pace.seconds(ahead) for ahead in range(5)] == [0.51, 0.51, 0.51, 1.5, 2.5]
    assert [pace.seconds(0, said) for said in range(4)] == [0.51, 2.51, 4.52, 6.53]
    assert Wait(1, pace).behind(2) == Wait(3, pace)
    unknown = Pace(4, 4, taken=2.0, begun=0.5)
    assert unknown.seconds(0) == 1.5  # between 4 slots that are as fast as one and 4 times as fast
