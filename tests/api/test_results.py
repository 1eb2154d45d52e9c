"""Results of many jobs by one request."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.serving import Hands, Served, until

SOON = 3.0  # seconds: far less than a request that nobody wakes would wait


def submitted(client: httpx.Client, jobs: int) -> list[str]:
    body = {"deployment": "assistant", "input": "Why?"}
    return [client.post("/v1/jobs", json=body).json()["id"] for _ in range(jobs)]


def ask(client: httpx.Client, ids: list[str], **more: Any) -> list[dict[str, Any]]:
    answer = client.post("/v1/jobs/results", json={"ids": ids, **more})
    assert answer.status_code == 200, answer.text
    jobs: list[dict[str, Any]] = answer.json()["jobs"]
    return jobs


def test_the_ended_ones_in_the_order_asked_for(client: httpx.Client, assistant: UUID, hands: Hands) -> None:
    ids = submitted(client, 4)
    assert ask(client, ids) == []
    for text in ("one", "two"):
        hands.finish(hands.take(assistant), {"text": text})
    ended = ask(client, [*reversed(ids), ids[0]])
    assert [job["id"] for job in ended] == [ids[1], ids[0]]
    assert [job["output"]["text"] for job in ended] == ["two", "one"]
    assert ended[0] == client.get(f"/v1/jobs/{ids[1]}").json()


def test_whoever_waits_is_woken_by_any_of_them(
    client: httpx.Client, served: Served, assistant: UUID, hands: Hands
) -> None:
    ids = submitted(client, 3)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(ask, client, ids, wait=30)
        until(lambda: served.watchers == len(ids))
        begun = time.monotonic()
        hands.finish(hands.take(assistant), {"text": "one"})
        assert [job["id"] for job in waiting.result()] == [ids[0]]
        assert time.monotonic() - begun < SOON
    until(lambda: served.watchers == 0)


@pytest.mark.usefixtures("assistant")
@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"ids": []}, 422, "ids"),
        ({"ids": [str(uuid4())] * 1001}, 422, "ids"),
        ({"ids": "all"}, 422, "ids"),
        ({"ids": [str(uuid4())], "wait": 61}, 422, "wait"),
        ({"ids": [str(uuid4())]}, 404, "ids"),
        ({"ids": ["nonsense"]}, 404, "id"),
        ({}, 422, "ids"),
    ],
)
def test_what_cannot_be_asked_is_explained(
    client: httpx.Client, body: dict[str, Any], status: int, field: str
) -> None:
    answer = client.post("/v1/jobs/results", json=body)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
