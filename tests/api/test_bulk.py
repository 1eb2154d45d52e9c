"""Many jobs in one request: each line its own receipt or its own problem, in order."""

import json
from typing import Any
from uuid import UUID

import httpx
from redis import Redis

from mainspring.messages import version_queue
from mainspring.tables import Database, Task
from tests.api.serving import produce, until

LINE = {"deployment": "assistant", "input": "Why?"}


def send(client: httpx.Client, *lines: Any) -> list[dict[str, Any]]:
    raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    answer = client.post("/v1/jobs/bulk", content=raw, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.iter_lines() if line]


def test_each_line_has_its_answer(client: httpx.Client, assistant: UUID, redis: Redis) -> None:
    told = send(
        client,
        LINE,
        b"{nonsense",
        {**LINE, "deployment": "nobody"},
        {**LINE, "parameters": {"max_tokens": -1}},
        b"[]",
        {**LINE, "priority": "urgent"},
        {**LINE, "idempotency_key": "k"},
        b"",
        {**LINE, "idempotency_key": "k"},
        {**LINE, "idempotency_key": "k", "input": "other"},
        {**LINE, "input": "\x00"},
        LINE,
    )
    assert [one.get("code", one.get("state")) for one in told] == [
        "queued",
        "malformed_json",
        "unknown_deployment",
        "invalid_request",
        "invalid_request",
        "invalid_request",
        "queued",
        "queued",
        "idempotency_conflict",
        "invalid_text",
        "queued",
    ]
    assert told[3]["field"] == "parameters.max_tokens"
    assert told[3]["line"] == 4
    assert told[6]["id"] == told[7]["id"]
    assert {one["id"] for one in (told[0], told[6], told[10])} <= {
        job["id"] for job in client.get("/v1/jobs").json()["jobs"]
    }
    until(lambda: redis.llen(version_queue(str(assistant))) == 3)


def test_batches_follow_each_other(client: httpx.Client, assistant: UUID) -> None:
    told = send(client, *[LINE] * 2_300)
    assert {one["state"] for one in told} == {"queued"}
    positions = [one["position"] for one in told]
    assert positions[:1000] == list(range(1, 1001))
    assert positions == sorted(positions)
    assert len({one["id"] for one in told}) == 2_300


def test_a_bound_holds_inside_a_batch(client: httpx.Client, database: Database) -> None:
    produce(database, "small", Task.TEXT_GENERATION, policy={"queue_bound": 5})
    told = send(client, *[{**LINE, "deployment": "small"}] * 8)
    assert [one.get("code", "ok") for one in told] == ["ok"] * 5 + ["queue_full"] * 3


def test_a_line_that_is_too_long_is_one_problem(client: httpx.Client, assistant: UUID) -> None:
    told = send(client, LINE, {**LINE, "input": "x" * 3_000_000}, LINE)
    assert [one.get("code", "ok") for one in told] == ["ok", "body_too_large", "ok"]


def test_a_wrong_key_is_told_before_anything(client: httpx.Client) -> None:
    answer = client.post("/v1/jobs/bulk", content=b"{}", headers={"Authorization": "Bearer no"})
    assert answer.json()["code"] == "unauthenticated"
