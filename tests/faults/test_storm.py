"""The short form of storm.py: the same faults, fewer jobs, smaller models."""

import pytest

from tests.faults.stack import Stack
from tests.faults.storm import storm


@pytest.mark.timeout(400)
def test_nothing_is_lost_and_nothing_answered_twice(stack: Stack) -> None:
    figures = storm(stack, jobs=240, at_once=16)
    assert figures["accepted"] == 240
    assert set(figures["states"]) <= {"succeeded", "cancelled", "expired"}
    assert figures["states"]["succeeded"] > 200
    assert figures["jobs of sessions, in order"] > 5
    assert figures["lost their worker"] > 0, (
        "no worker died under a job: the storm was too mild to show anything"
    )
