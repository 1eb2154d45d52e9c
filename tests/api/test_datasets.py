"""Datasets as programs ask for them: by a plan, with rows; followed, paused, cancelled, refused in words."""

import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from mainspring.settings import Settings
from mainspring.tables import Database
from tests.api.serving import Served
from tests.api.winding import CURATE, Trainer

NDJSON = {"Content-Type": "application/x-ndjson"}
ROWS = b'{"text": "A spring stores work."}\nnot json\n{"text": "A gear passes it on."}\n'
NOBODY = "00000000-0000-7000-8000-000000000000"


def asked(client: httpx.Client, **plan: Any) -> httpx.Response:
    return client.post("/v1/datasets", json={"deployment": "assistant", "plan": CURATE | plan})


@pytest.mark.usefixtures("assistant")
def test_from_a_plan_to_a_card(client: httpx.Client, database: Database) -> None:
    given = asked(client, held_out=0.2)
    assert given.status_code == 202, given.text
    view = given.json()
    assert (view["state"], view["digest"], view["asked_by"][:4]) == ("queued", None, "key ")
    assert given.headers["location"] == f"/v1/datasets/{view['id']}"
    hands = Trainer(database)
    fence = hands.claim()
    hands.tell(fence, 0.3, "cleaning · 40 of 120 rows", found=120)
    running = client.get(f"/v1/datasets/{view['id']}").json()
    assert (running["state"], running["progress"], running["measures"]) == ("running", 0.3, {"found": 120})
    hands.finish(fence)
    found = client.get(f"/v1/datasets/{view['id']}").json()
    assert (found["state"], found["rows"]) == ("succeeded", {"train": 100, "held_out": 20})
    assert found["plan"]["held_out"] == 0.2
    assert found["card"]["removed"] == {"duplicate": 3}
    assert found["line"]["datasets"] == [view["id"]]
    listed = client.get("/v1/datasets", params={"deployment": "assistant"}).json()["datasets"]
    assert [one["id"] for one in listed] == [view["id"]]
    assert "card" not in listed[0]


@pytest.mark.usefixtures("assistant")
def test_rows_in_the_body_are_kept_as_they_came(client: httpx.Client, settings: Settings) -> None:
    params = {"deployment": "assistant", "licence": "apache-2.0"}
    given = client.post("/v1/datasets", params=params, content=ROWS, headers=NDJSON)
    assert given.status_code == 202, given.text
    (upload,) = client.get(f"/v1/datasets/{given.json()['id']}").json()["plan"]["uploads"]
    kept = Path(upload.pop("path"))
    assert upload == {"format": "jsonl", "licence": "apache-2.0"}
    assert kept == settings.home.absolute() / "uploads" / f"{hashlib.sha256(ROWS).hexdigest()}.jsonl"
    assert kept.read_bytes() == ROWS
    again = client.post("/v1/datasets", params=params, content=ROWS, headers=NDJSON)
    assert again.json()["id"] != given.json()["id"]
    assert [one.name for one in kept.parent.iterdir()] == [kept.name]


def test_too_many_rows_are_refused_and_leave_nothing(settings: Settings, key: str, assistant: UUID) -> None:
    few = settings.model_copy(update={"max_upload_bytes": 1000})
    headers = {"Authorization": f"Bearer {key}"} | NDJSON
    with Served(few) as running, httpx.Client(base_url=running.url, headers=headers) as client:
        for content in (ROWS * 20, iter([ROWS] * 20)):  # with its length said before, and without
            refused = client.post("/v1/datasets", params={"deployment": "assistant"}, content=content)
            assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
            assert "name its path" in refused.json()["remedy"]
    assert list((few.home / "uploads").glob("*")) == []


@pytest.mark.parametrize(
    ("given", "status", "field"),
    [
        ({"deployment": "assistant"}, 422, "plan"),
        ({"deployment": "assistant", "plan": {}}, 422, "plan"),
        ({"deployment": "nobody", "plan": CURATE}, 404, "deployment"),
        ({"deployment": "assistant", "plan": CURATE | {"held_out": 2}}, 422, "plan.held_out"),
        ({"deployment": "assistant", "plan": CURATE | {"holdout": 0.1}}, 422, "plan.holdout"),
        ({"deployment": "assistant", "plan": {"traffic": {"basis": "why not"}}}, 422, "plan.traffic.basis"),
        ({"deployment": "assistant", "plan": CURATE | {"evaluation": ["0" * 64]}}, 422, "plan.evaluation.0"),
    ],
)
@pytest.mark.usefixtures("assistant")
def test_plans_that_cannot_be_carried_out(
    client: httpx.Client, given: dict[str, Any], status: int, field: str
) -> None:
    refused = client.post("/v1/datasets", json=given)
    assert (refused.status_code, refused.json()["field"]) == (status, field), refused.text
    assert refused.json()["remedy"]


@pytest.mark.usefixtures("assistant")
def test_rows_that_nobody_wants(client: httpx.Client, stranger: httpx.Client) -> None:
    asks = {
        "deployment": client.post("/v1/datasets", content=ROWS, headers=NDJSON),
        "body": client.post("/v1/datasets", params={"deployment": "assistant"}, content=b"", headers=NDJSON),
        "Content-Type": client.post(
            "/v1/datasets",
            params={"deployment": "assistant"},
            content=ROWS,
            headers={"Content-Type": "image/png"},
        ),
    }
    assert {field: answer.json()["field"] for field, answer in asks.items()} == {name: name for name in asks}
    assert [answer.status_code for answer in asks.values()] == [422, 422, 415]
    other = stranger.post("/v1/datasets", params={"deployment": "assistant"}, content=ROWS, headers=NDJSON)
    assert other.status_code == 403
    made = asked(client).json()["id"]
    assert stranger.get(f"/v1/datasets/{made}").status_code == 403
    unknown = client.get(f"/v1/datasets/{NOBODY}")
    assert (unknown.status_code, unknown.json()["field"]) == (404, "id")


@pytest.mark.usefixtures("assistant")
def test_one_that_waits_is_paused_goes_on_and_is_cancelled(client: httpx.Client) -> None:
    path = f"/v1/datasets/{asked(client).json()['id']}"
    states = [
        client.post(f"{path}/{verb}", json={"reason": "the disk is full"}).json()["state"]
        for verb in ("pause", "resume", "cancel")
    ]
    assert states == ["paused", "queued", "cancelled"]
    over = client.post(f"{path}/pause", json={})
    assert (over.status_code, over.json()["code"]) == (409, "conflict")
    odd = client.post(f"{path}/stop", json={})
    assert (odd.status_code, odd.json()["field"]) == (404, "verb")
    events = client.get("/v1/events").json()["events"]
    told = [(one["kind"], one["reason"]) for one in events if one["kind"].startswith("work.")]
    assert sorted(told) == [(f"work.{verb}", "the disk is full") for verb in ("cancel", "pause", "resume")]


@pytest.mark.usefixtures("assistant")
def test_a_run_learns_from_a_dataset_and_is_stopped(client: httpx.Client, database: Database) -> None:
    early = asked(client).json()["id"]
    body = {"recipe": "continued-pretraining", "dataset_id": early}
    runs = "/v1/deployments/assistant/training-runs"
    run = client.post(runs, json=body).json()
    assert (run["dataset"], run["state"], "dataset" in run["parameters"]) == (early, "queued", False)
    hands = Trainer(database)
    hands.carry_out()
    digest = client.get(f"/v1/datasets/{early}").json()["digest"]
    other = client.post(runs, json=body | {"parameters": {"dataset": "1" * 64}})
    assert (other.status_code, other.json()["field"]) == (422, "parameters.dataset")
    late = client.post(runs, json=body).json()
    assert late["parameters"]["dataset"] == digest
    fence = hands.claim()
    asked_to = client.post(f"/v1/training-runs/{run['id']}/cancel", json={"reason": "a better idea"}).json()
    assert (asked_to["state"], asked_to["wish"]) == ("running", "cancel")
    assert hands.tell(fence, 0.5, "training").name == "CANCEL"
    line = client.get(f"/v1/training-runs/{run['id']}").json()["line"]
    assert (line["datasets"], line["runs"], line["versions"]) == ([early], [run["id"]], [])
    whole = client.get(f"/v1/datasets/{early}").json()["line"]
    assert whole["runs"] == [run["id"], late["id"]]
    assert client.post(runs, json=body | {"dataset_id": NOBODY}).json()["field"] == "dataset_id"
