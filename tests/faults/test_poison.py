"""A job that takes its worker down each time: it is parked with its evidence, and those beside it are answered."""

import pytest

from mainspring.client import Client
from tests.faults.recovery import LONG, PROMPT
from tests.faults.stack import Stack


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_a_poison_job_is_parked_and_others_are_unharmed(stack: Stack) -> None:
    with stack.client() as client:
        poison = client.submit("assistant", f"{PROMPT} poison", **LONG)["id"]
        others = [client.submit("assistant", f"{PROMPT} {number}", **LONG)["id"] for number in range(3)]
        for attempt in range(1, 6):
            until_it_runs(client, poison, attempt)
            stack.kill("infer")
        parked = client.result(poison, 60)
        beside = [client.result(job_id, 120) for job_id in others]
    assert (parked["state"], parked["error"]["code"]) == ("failed", "attempts_exhausted")
    assert [one["attempt"] for one in parked["error"]["evidence"]] == [1, 2, 3, 4, 5]
    assert {job["state"] for job in beside} == {"succeeded"}
    assert max(job["attempt"] for job in beside) <= 3


def until_it_runs(client: Client, job_id: str, attempt: int) -> None:
    """This attempt has said something."""
    current = 0
    for event in client.stream(job_id):
        if event["event"] == "state":
            current = event["data"]["attempt"]
        if event["event"] == "token" and current >= attempt:
            return
    raise AssertionError("it ended before it could be stopped")
