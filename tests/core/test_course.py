"""The course of a `map`: what is sent, asked for and given, step by step on a clock of ours."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest

from mainspring.client import Refused, wire
from mainspring.client.course import Ask, Course, Pause, Send

LINES = [{"input": number} for number in range(3000)]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def accepted(lines: list[dict[str, Any]]) -> list[dict[str, Any] | Refused]:
    return [{"id": str(line["input"])} for line in lines]


def full(code: str = "queue_full", **more: Any) -> Refused:
    return Refused(429, {"code": code, **more})


def ended(ids: list[str]) -> list[dict[str, Any]]:
    return [{"id": one} for one in ids]


def test_all_that_is_accepted_is_sent_before_results_are_asked_for(clock: Clock) -> None:
    course = Course(LINES[:1200], clock)
    for many in (1000, 200):
        step = course.step()
        assert isinstance(step, Send)
        assert course.sent(accepted(step.bodies)) == many
    step = course.step()
    assert isinstance(step, Ask)
    assert step.body == {"ids": [str(number) for number in range(100)], "wait": 30.0}
    assert list(course.after(ended(["1", "2"]))) == []
    assert [job["id"] for job in course.after(ended(["0"]))] == ["0", "1", "2"]
    assert list(course.after(ended([str(number) for number in range(3, 1200)])))
    assert course.step() is None


@pytest.mark.parametrize("code", ["queue_full", "rate_limited"])
def test_what_finds_no_room_is_sent_again_after_the_pause(clock: Clock, code: str) -> None:
    course = Course(LINES[:40], clock)
    step = course.step()
    assert isinstance(step, Send)
    assert course.sent([*accepted(step.bodies[:30]), *[full(code, retry_after=7)] * 10]) == 30
    step = course.step()
    assert isinstance(step, Ask)
    assert (len(step.body["ids"]), step.body["wait"]) == (30, 7.0)
    assert len(list(course.after(ended([str(number) for number in range(30)])))) == 30
    clock.now += 5
    assert course.step() == Pause(2.0)
    clock.now += 2
    step = course.step()
    assert isinstance(step, Send)
    assert step.bodies == LINES[30:40]
    course.sent(accepted(step.bodies))
    assert [job["id"] for job in course.after(ended([str(number) for number in range(30, 40)]))] == [
        str(number) for number in range(30, 40)
    ]
    assert course.step() is None


def test_results_come_in_order_whatever_was_accepted_when(clock: Clock) -> None:
    course = Course(LINES[:3], clock)
    course.step()
    course.sent([full(), {"id": "1"}, {"id": "2"}])
    assert list(course.after(ended(["1", "2"]))) == []
    clock.now += 1
    assert course.step() == Send(LINES[:1])
    course.sent([{"id": "0"}])
    assert [job["id"] for job in course.after(ended(["0"]))] == ["0", "1", "2"]


def test_while_few_find_room_few_are_sent_and_taken_from_the_inputs(clock: Clock) -> None:
    taken = count()

    def endless() -> Iterator[dict[str, Any]]:
        for number in taken:
            yield {"input": number}

    course = Course(endless(), clock)
    sizes = []
    for room in (1000, 0, 10, 20, 3, 10, 1000):
        step = course.step()
        assert isinstance(step, Send)
        sizes.append(len(step.bodies))
        few = step.bodies[:room]
        course.sent([*accepted(few), *[full(retry_after=1)] * (len(step.bodies) - len(few))])
        clock.now += 1
    assert sizes == [1000, 1000, 10, 20, 40, 10, 20]
    assert next(taken) == 2000


def test_any_other_refusal_is_raised(clock: Clock) -> None:
    course = Course(LINES[:3], clock)
    course.step()
    with pytest.raises(Refused) as refused:
        course.sent([full(), {"id": "1"}, Refused(422, {"code": "invalid_request"})])
    assert refused.value.code == "invalid_request"


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ({}, {"retry_after": 3}, 3.0),
        ({"Retry-After": "7"}, {}, 7.0),
        ({"Retry-After": "7"}, {"retry_after": 3}, 3.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, {}, 0.0),
        ({"Retry-After": "soon"}, {}, None),
        ({}, {}, None),
    ],
)
def test_a_refusal_says_when_to_come_again(
    header: dict[str, str], body: dict[str, Any], seconds: float | None
) -> None:
    with pytest.raises(Refused) as refused:
        wire.checked(httpx.Response(503, headers=header, json=body))
    assert refused.value.retry_after == seconds
