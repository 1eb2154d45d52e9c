"""Declare deployments, register models, ask for training: what a model developer sees."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from redis import Redis
from sqlalchemy import select

from mainspring.identifiers import uuid7
from mainspring.messages import TRAIN_QUEUE
from mainspring.tables import Database, Event, HeldVersion, TrainingRun
from tests.api.serving import Hands, until


def test_declaring_twice_changes_nothing(client: httpx.Client, database: Database) -> None:
    body = {"task": "text-classification", "policy": {"queue_bound": 9}}
    first = client.put("/v1/deployments/triage", json=body)
    again = client.put("/v1/deployments/triage", json={"task": "text-classification"})
    assert (first.status_code, first.json()) == (200, again.json())
    assert first.json() | {"created_at": ""} == {
        "name": "triage",
        "task": "text-classification",
        "policy": {"queue_bound": 9},
        "production": None,
        "created_at": "",
        "retired_at": None,
    }
    changed = client.put("/v1/deployments/triage", json=body | {"policy": {}})
    assert changed.json()["policy"] == {}
    with database.transaction() as session:
        events = session.scalars(select(Event).where(Event.about == "triage").order_by(Event.id))
        assert [event.kind for event in events] == ["deployment.made", "deployment.changed"]


def test_never_to_delete_is_kept_with_the_policy(client: httpx.Client) -> None:
    body = {"task": "fill-mask", "policy": {"drain": {"delete_seconds": None}, "queue_bound": None}}
    kept = client.put("/v1/deployments/triage", json=body).json()["policy"]
    assert kept["drain"]["delete_seconds"] is None
    assert "queue_bound" not in kept
    assert client.put("/v1/deployments/triage", json=body | {"policy": kept}).json()["policy"] == kept


def test_a_deployment_tells_who_holds_it(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands, redis: Redis
) -> None:
    gone = Hands(database, redis)
    with database.transaction() as session:
        for life, state in ((hands, "ready"), (gone, "loading")):
            session.add(HeldVersion(incarnation=life.incarnation, version_id=assistant, state=state))
    gone.die()
    assert [found["production"] for found in client.get("/v1/deployments").json()["deployments"]] == [
        "assistant@1"
    ]
    seen = client.get("/v1/deployments/assistant").json()
    assert seen["versions"] == [{"version": "assistant@1", "stage": "production"}]
    assert seen["training_run"] is None
    (worker,) = seen["workers"]
    assert (worker["version"], worker["state"]) == ("assistant@1", "ready")
    (version,) = client.get("/v1/deployments/assistant/versions").json()["versions"]
    assert (version["version"], version["context_length"]) == ("assistant@1", 512)


def test_a_run_is_seen_from_its_request_to_its_version(
    client: httpx.Client, database: Database, assistant: UUID, redis: Redis
) -> None:
    answer = client.post("/v1/deployments/assistant/versions", json={"model": "/models/small"})
    run: dict[str, Any] = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/training-runs/{run['id']}"
    assert (run["recipe"], run["state"], run["progress"]) == ("import", "queued", 0)
    assert run["parameters"]["model"] == "/models/small"
    until(lambda: redis.llen(TRAIN_QUEUE) == 1)
    with database.transaction() as session:
        row = session.get_one(TrainingRun, UUID(run["id"]))
        row.progress, row.activity, row.version_id = 0.5, "reading 2 of 4 files", assistant
    seen = client.get(answer.headers["location"]).json()
    assert (seen["activity"], seen["version"]) == ("reading 2 of 4 files", "assistant@1")
    assert client.get("/v1/deployments/assistant").json()["training_run"].items() <= seen.items()
    assert client.get("/v1/deployments/assistant/training-runs").json()["training_runs"] == [
        {name: value for name, value in seen.items() if name != "line"}
    ]


def test_no_run_of_that_id(client: httpx.Client) -> None:
    assert client.get(f"/v1/training-runs/{uuid7()}").json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("task", "policy", "field"),
    [
        ("text-generation", {"engine": "steam"}, "policy.engine"),
        ("fill-mask", {"engine": "vllm"}, "policy.engine"),
        ("text-generation", {"engine_url": "http://gpu:8000"}, "policy.engine_url"),
        ("text-generation", {"engine": "slots", "engine_url": "http://gpu:8000"}, "policy.engine_url"),
        ("text-generation", {"engine": "vllm", "engine_url": "http://gpu:8000/v1"}, "policy.engine_url"),
        ("text-generation", {"engine": "vllm", "engine_url": "http://me:pass@gpu"}, "policy.engine_url"),
        ("text-generation", {"engine": "vllm", "engine_url": "file:///etc"}, "policy.engine_url"),
    ],
)
def test_an_engine_that_cannot_serve_it_is_refused(
    client: httpx.Client, task: str, policy: dict[str, str], field: str
) -> None:
    refused = client.put("/v1/deployments/talker", json={"task": task, "policy": policy})
    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert "pass" not in refused.text
    assert refused.json()["remedy"]


def test_an_engine_is_kept_with_the_policy(client: httpx.Client) -> None:
    policy = {"engine": "vllm", "engine_url": "http://gpu:8000/"}
    made = client.put("/v1/deployments/talker", json={"task": "text-generation", "policy": policy})
    assert made.json()["policy"] == policy
    assert client.get("/v1/deployments/talker").json()["policy"] == policy
