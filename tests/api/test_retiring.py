"""Retire a deployment: what it had is answered, nothing new is taken, every row stays, and it can come back."""

from uuid import UUID

import httpx
import pytest
from redis import Redis
from sqlalchemy import select

from mainspring.access import make_key
from mainspring.lifecycle import advance
from mainspring.registry import desired
from mainspring.serving import stream
from mainspring.tables import Database, Event, Stage, TrainingRun, Version, WorkState
from mainspring.terms import JOBS
from mainspring.training.runs import request_run
from tests.api.serving import Hands, until

ASK = {"deployment": "assistant", "input": "hello"}
NAME = "/v1/deployments/assistant"


def events(database: Database, about: str) -> list[Event]:
    with database.transaction() as session:
        return list(session.scalars(select(Event).where(Event.about == about).order_by(Event.id)))


def wanted(database: Database) -> list[UUID]:
    with database.transaction() as session:
        return [version.id for version in desired(session)]


def test_what_it_had_is_answered_and_nothing_new_is_taken(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    key = {"Idempotency-Key": "once"}
    first = client.post("/v1/jobs", json=ASK, headers=key).json()
    client.post("/v1/jobs", json=ASK | {"session": "s"})
    running = hands.take(assistant)
    done = client.delete(NAME, params={"reason": "replaced by another product"})
    assert (done.status_code, done.json()["open_jobs"]) == (200, 2)
    assert done.json()["deployment"]["production"] is None
    for asked in (ASK, ASK | {"session": "s"}):
        refused = client.post("/v1/jobs", json=asked)
        assert (refused.status_code, refused.json()["code"]) == (410, "deployment_retired")
        assert refused.json()["remedy"]
    bulk = client.post("/v1/jobs/bulk", json=ASK, headers={"Content-Type": "application/x-ndjson"})
    assert bulk.json()["code"] == "deployment_retired"
    again = client.post("/v1/jobs", json=ASK, headers=key)  # what was accepted stays accepted
    assert (again.status_code, again.json()["id"]) == (202, first["id"])
    assert wanted(database) == [assistant]
    hands.finish(running, {"text": "yes"})
    hands.finish(hands.take(assistant), {"text": "yes"})
    assert wanted(database) == []
    listed = client.get("/v1/jobs", params={"deployment": "assistant"}).json()["jobs"]
    assert [job["state"] for job in listed] == ["succeeded", "succeeded"]


def test_it_is_written_down_once_with_actor_and_reason(
    client: httpx.Client, database: Database, assistant: UUID, redis: Redis
) -> None:
    with redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(stream.VERSIONS)
        first, again = client.delete(NAME, params={"reason": "too dear"}), client.delete(NAME)
        until(lambda: heard.get_message(timeout=0.1))
    assert first.json() == again.json()
    (event,) = [one for one in events(database, "assistant") if one.kind == "deployment.retired"]
    assert (event.reason, event.actor[:4]) == ("too dear", "key ")
    assert event.inputs == {"open_jobs": 0, "versions": ["assistant@1 production"], "rollouts": []}
    assert [one.inputs["to"] for one in events(database, "assistant@1")] == ["production", "draining"]
    seen = client.get(NAME).json()
    assert seen["retired_at"] == first.json()["deployment"]["retired_at"]
    assert [one["name"] for one in client.get("/v1/deployments").json()["deployments"]] == ["assistant"]


def test_no_version_is_made_for_it_until_it_is_back(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    with database.transaction() as session:
        waiting = request_run(session, "assistant", "import", {"model": "/models/small"}).id
    client.delete(NAME)
    with database.transaction() as session:
        run = session.get_one(TrainingRun, waiting)
        assert (run.state, (run.error or {})["code"]) == (WorkState.FAILED, "deployment_retired")
    refused = client.post(f"{NAME}/versions", json={"model": "/models/small"})
    assert (refused.status_code, refused.json()["code"]) == (410, "deployment_retired")
    back = client.put(NAME, json={"task": "text-generation"})
    assert (back.status_code, back.json()["retired_at"]) == (200, None)
    assert client.post("/v1/jobs", json=ASK).json()["code"] == "not_ready"
    assert client.post(f"{NAME}/versions", json={"model": "/models/small"}).status_code == 202
    with database.transaction() as session:
        advance(session, session.get_one(Version, assistant), Stage.PRODUCTION, actor="test", reason="back")
    assert client.post("/v1/jobs", json=ASK).status_code == 202
    kinds = [event.kind for event in events(database, "assistant")]
    assert kinds == ["deployment.retired", "deployment.restored"]


@pytest.mark.parametrize("name", ["nobody", "%FF"])
def test_nobody_is_unknown(client: httpx.Client, name: str) -> None:
    assert client.delete(f"/v1/deployments/{name}").json()["code"] == "unknown_deployment"


def test_it_needs_the_admins_key(client: httpx.Client, database: Database, assistant: UUID) -> None:
    with database.transaction() as session:
        key = make_key(session, "default", name="producer", scopes=[JOBS], actor="test")
    refused = client.delete(NAME, headers={"Authorization": f"Bearer {key}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert client.post("/v1/jobs", json=ASK).status_code == 202
