"""Jobs that arrive at the same time: stored together, each with its own receipt or its own problem."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from redis import Redis

from mainspring.messages import version_queue
from mainspring.tables import Database, Job, Task, Tenant
from tests.api.serving import Served, produce, until

JOB = {"deployment": "assistant", "input": "Why?"}
Send = Callable[..., list[httpx.Response]]


@pytest.fixture
def send(served: Served, key: str) -> Send:
    """Posts all of them at once, each a body or a pair of a body and a key."""

    async def posted(asked: tuple[Any, ...]) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=served.url, timeout=30) as client:
            posts = []
            for one in asked:
                body, bearer = one if isinstance(one, tuple) else (one, key)
                headers = {"Authorization": f"Bearer {bearer}"}
                posts.append(client.post("/v1/jobs", json=body, headers=headers))
            return await asyncio.gather(*posts)

    return lambda *asked: asyncio.run(posted(asked))


def test_each_has_its_own_answer(send: Send, assistant: UUID, client: httpx.Client, redis: Redis) -> None:
    good = [{**JOB, "metadata": {"number": str(number)}} for number in range(40)]
    bad = [
        {**JOB, "deployment": "nobody"},
        {**JOB, "parameters": {"max_tokens": -1}},
        (JOB, "ms_none_none"),
        (JOB, "nonsense"),
    ]
    answers = send(*good[:20], *bad, *good[20:])
    codes = [answer.json().get("code") for answer in answers[20:24]]
    assert codes == ["unknown_deployment", "invalid_request", "unauthenticated", "unauthenticated"]
    accepted = answers[:20] + answers[24:]
    assert {answer.status_code for answer in accepted} == {202}
    for body, answer in zip(good, accepted, strict=True):
        assert client.get(answer.headers["Location"]).json()["metadata"] == body["metadata"]
    assert sorted(answer.json()["position"] for answer in accepted) == list(range(1, 41))
    until(lambda: redis.llen(version_queue(str(assistant))) == 40)


@pytest.mark.usefixtures("assistant")
def test_bounds_hold_among_them(send: Send, database: Database) -> None:
    produce(database, "small", Task.TEXT_GENERATION, policy={"queue_bound": 3})
    answers = send(*[{**JOB, "deployment": "small"}] * 12)
    assert sorted(answer.status_code for answer in answers) == [202] * 3 + [429] * 9
    with database.transaction() as session:
        session.query(Tenant).update({"queue_bound": 10})
    answers = send(*[{**JOB, "priority": ("low", "high")[number % 2]} for number in range(20)])
    assert sorted(answer.status_code for answer in answers) == [202] * 7 + [429] * 13


@pytest.mark.usefixtures("assistant")
def test_one_that_leaves_takes_nobody_along(send: Send, served: Served, key: str, database: Database) -> None:
    async def leave() -> None:
        async with httpx.AsyncClient(base_url=served.url) as client:
            headers = {"Authorization": f"Bearer {key}"}
            posts = [
                asyncio.create_task(client.post("/v1/jobs", json=JOB, headers=headers)) for _ in range(9)
            ]
            await asyncio.sleep(0)
            posts[0].cancel()
            answers = await asyncio.gather(*posts[1:])
            assert {answer.status_code for answer in answers} == {202}

    asyncio.run(leave())
    with database.transaction() as session:
        assert session.query(Job).count() >= 8
    assert {answer.status_code for answer in send(JOB, JOB)} == {202}
