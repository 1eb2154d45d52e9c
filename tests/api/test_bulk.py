"""Many jobs in one request: each line its own receipt or its own problem, in order."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
from redis import Redis
from sqlalchemy import select, text

from mainspring.messages import version_queue
from mainspring.tables import Database, Job, Task
from tests.api.serving import produce, until

LINE = {"deployment": "assistant", "input": "Why?"}
REFUSE = """
    create function refuse() returns trigger language plpgsql as $$ begin
        raise exception 'never' using errcode = 'data_exception';
    end $$;
    create trigger refuse before insert on jobs for each row when (new.metadata ? 'refuse') execute function refuse()
"""


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


BAD_KEYS = ("\x00", "a b", "tab\tkey", " ", "", "k\u00e9y", "x" * 256, "\ud800", "del\x7f", 7, ["k"], {})


def test_a_bad_key_is_its_own_lines_problem(client: httpx.Client, assistant: UUID) -> None:
    told = send(client, LINE, *[{**LINE, "idempotency_key": key} for key in BAD_KEYS], LINE)
    assert [one.get("code", "ok") for one in told] == ["ok"] + ["invalid_request"] * len(BAD_KEYS) + ["ok"]
    assert {one["field"] for one in told[1:-1]} == {"idempotency_key"}
    assert len(client.get("/v1/jobs").json()["jobs"]) == 2


def test_what_the_database_refuses_leaves_the_other_lines_stored(
    client: httpx.Client, assistant: UUID, database: Database
) -> None:
    with database.begin() as connection:
        connection.execute(text(REFUSE))
    bad = {**LINE, "metadata": {"refuse": "me"}}
    told = send(client, *[LINE] * 300, bad, {**LINE, "session": "s"}, {**bad, "session": "s"}, *[LINE] * 300)
    codes = [one.get("code", "ok") for one in told]
    assert codes == ["ok"] * 300 + ["internal", "ok", "internal"] + ["ok"] * 300
    assert (told[300]["status"], told[300]["line"], told[302]["line"]) == (500, 301, 303)
    with database.transaction() as session:
        stored = {str(job_id) for job_id in session.scalars(select(Job.id))}
    assert stored == {one["id"] for one in told if "id" in one}


def test_a_lines_number_is_its_place_in_the_body(client: httpx.Client, assistant: UUID) -> None:
    told = send(client, b"", LINE, b"", b" \r", b"{nonsense", b"x" * 3_000_000, b"", LINE, b"[]")
    assert [one.get("line", "ok") for one in told] == ["ok", 5, 6, "ok", 9]


def test_a_line_to_send_again_says_when(client: httpx.Client, assistant: UUID, database: Database) -> None:
    produce(database, "small", Task.TEXT_GENERATION, policy={"queue_bound": 1})
    produce(database, "early", Task.TEXT_GENERATION, ready=False)
    small, early = {**LINE, "deployment": "small"}, {**LINE, "deployment": "early"}
    told = send(client, small, small, early, b"[]")
    assert 1 <= told[1]["retry_after"] <= 60
    assert told[2]["retry_after"] == 5
    assert "retry_after" not in told[3]
    alone = client.post("/v1/jobs", json=small)
    assert (alone.status_code, alone.headers["retry-after"]) == (429, str(alone.json()["retry_after"]))


def test_two_bulks_with_the_same_things_in_other_orders_wait_for_each_other(
    client: httpx.Client, assistant: UUID
) -> None:
    """Conversations, new and old, and keys; between them enough lines for both bulks to be under way."""

    def lines(ends: list[dict[str, str]]) -> list[dict[str, Any]]:
        between = [{**LINE, "session": f"{ends[0]}{number}"} for number in range(150)]
        return [{**LINE, **ends[0]}, *between, {**LINE, **ends[1]}]

    for one, other in (({"session": "a"}, {"session": "b"}), ({"idempotency_key": "c"}, {"session": "b"})):
        for _ in range(2):
            with ThreadPoolExecutor(2) as pool:
                orders = [lines([one, other]), lines([other, one])]
                told = [
                    line for lines in pool.map(lambda asked: send(client, *asked), orders) for line in lines
                ]
            assert {line.get("code", "ok") for line in told} == {"ok"}


def test_a_key_that_others_use_meanwhile_makes_one_job(client: httpx.Client, assistant: UUID) -> None:
    def alone(number: int) -> str:
        headers = {"Idempotency-Key": f"k{number}"}
        return str(client.post("/v1/jobs", json=LINE, headers=headers).json()["id"])

    def together(numbers: range) -> list[str]:
        return [one["id"] for one in send(client, *[{**LINE, "idempotency_key": f"k{n}"} for n in numbers])]

    many = range(200)
    with ThreadPoolExecutor(4) as pool:
        forwards, backwards = pool.submit(together, many), pool.submit(together, many[::-1])
        singly = list(pool.map(alone, many))
    assert forwards.result() == singly == backwards.result()[::-1]


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
