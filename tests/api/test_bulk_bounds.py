"""Bounds hold for all jobs together, however they are handed in: plain or not, in bulk or one by one, at once."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from mainspring.access import make_key
from mainspring.lifecycle import advance
from mainspring.tables import Database, Deployment, Job, Stage, Task, Tenant, Version
from mainspring.terms import JOBS
from tests.api.rolling import another
from tests.api.serving import Served, produce

LINE = {"deployment": "assistant", "input": "Why?"}
PLAIN = [LINE] * 10
KEYED = [{**LINE, "idempotency_key": f"k{number}"} for number in range(10)]
IN_SESSIONS = [{**LINE, "session": f"s{number % 3}"} for number in range(10)]
TOLD_OF = [{**LINE, "webhook": {"url": "https://hooks.example/x"}}] * 10
URGENT = [{**LINE, "priority": "high"}] * 10
MIXED = [line for lines in zip(PLAIN, KEYED, IN_SESSIONS, TOLD_OF, URGENT, strict=True) for line in lines]


def send(client: httpx.Client, lines: list[Any]) -> Counter[str]:
    """How many of them were accepted (`ok`), or refused with which code."""
    raw = "\n".join(map(json.dumps, lines))
    answer = client.post("/v1/jobs/bulk", content=raw, headers={"Content-Type": "application/x-ndjson"})
    return Counter(json.loads(line).get("code", "ok") for line in answer.iter_lines())


def bound_deployment(database: Database, bound: int) -> None:
    with database.transaction() as session:
        session.query(Deployment).update({"policy": {"queue_bound": bound}})


@pytest.mark.usefixtures("assistant")
@pytest.mark.parametrize("more", [KEYED, IN_SESSIONS, TOLD_OF, URGENT, MIXED])
def test_a_deployments(client: httpx.Client, database: Database, more: list[Any]) -> None:
    bound_deployment(database, 12)
    assert send(client, PLAIN + more) == {"ok": 12, "queue_full": len(more) - 2}
    assert send(client, more[::-1])["ok"] == sum("idempotency_key" in line for line in more[:2])  # repeated


@pytest.mark.usefixtures("assistant")
@pytest.mark.parametrize(("bound", "code"), [("queue_bound", "queue_full"), ("per_minute", "rate_limited")])
def test_a_tenants(client: httpx.Client, database: Database, bound: str, code: str) -> None:
    with database.transaction() as session:
        session.query(Tenant).update({bound: 12})
    assert send(client, PLAIN + MIXED) == {"ok": 12, code: 48}


@pytest.mark.usefixtures("assistant")
def test_a_deployments_versions_together(client: httpx.Client, database: Database) -> None:
    bound_deployment(database, 12)
    assert send(client, PLAIN)["ok"] == 10
    second = another(database)
    with database.transaction() as session:
        for stage in (Stage.TESTING, Stage.STAGING, Stage.CANARY):
            advance(session, session.get_one(Version, second), stage, actor="test", reason="to be asked")
    assert send(client, [{**LINE, "deployment": "assistant@2"}] * 10)["ok"] == 2


def test_jobs_of_a_batch_take_turns_like_the_same_jobs_one_by_one(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    assert send(client, PLAIN + KEYED + IN_SESSIONS + TOLD_OF)["ok"] == 40
    assert send(client, KEYED + TOLD_OF + PLAIN)["ok"] == 30
    with database.transaction() as session:
        turns = sorted(session.scalars(select(Job.turn)))
    assert turns == pytest.approx([turns[0] + number * 0.25 for number in range(60)])


@pytest.mark.parametrize("whose", ["deployment", "tenant", "rate"])
def test_those_that_come_at_once(
    client: httpx.Client, database: Database, assistant: UUID, whose: str
) -> None:
    if whose == "deployment":
        bound_deployment(database, 500)
    else:
        with database.transaction() as session:
            session.query(Tenant).update({"queue_bound" if whose == "tenant" else "per_minute": 500})

    def alone(number: int) -> Counter[str]:
        headers = {"Idempotency-Key": f"one{number}"} if number % 2 else {}
        answer = client.post("/v1/jobs", json=LINE, headers=headers)
        return Counter([answer.json().get("code", "ok")])

    with ThreadPoolExecutor(8) as pool:
        bulks = [pool.submit(send, client, [LINE] * 300) for _ in range(4)]
        singles = [pool.submit(alone, number) for number in range(100)]
        told = sum((one.result() for one in bulks + singles), Counter[str]())
    code = "rate_limited" if whose == "rate" else "queue_full"
    assert told == {"ok": 500, code: 800}


def test_tenants_of_a_deployment_that_come_at_once(
    served: Served, database: Database, assistant: UUID
) -> None:
    """Each with two deployments in another order: nobody waits in a circle."""
    produce(database, "other", Task.TEXT_GENERATION, policy={"queue_bound": 500})
    bound_deployment(database, 500)
    with database.transaction() as session:
        keys = [make_key(session, name, name="k", scopes=[JOBS], actor="test") for name in "abcd"]

    def bulk(number: int) -> Counter[str]:
        lines = [LINE] * 150 + [{**LINE, "deployment": "other"}] * 150
        headers = {"Authorization": f"Bearer {keys[number]}"}
        with httpx.Client(base_url=served.url, headers=headers, timeout=30) as client:
            return send(client, lines[:: 1 if number % 2 else -1])

    with ThreadPoolExecutor(4) as pool:
        told = sum(pool.map(bulk, range(4)), Counter[str]())
    assert told == {"ok": 1000, "queue_full": 200}
