"""Drift as an operator sees it: nothing yet, watched, an alarm with what is new, a new normal, a wish."""

import json
from datetime import UTC, datetime
from uuid import UUID

import httpx
import numpy as np

from mainspring.monitor import deciding, detect
from mainspring.tables import Database
from tests.api.commanding import Commands
from tests.core.monitoring.traffic import about, observe

NAME = "assistant"
PATH = f"/v1/deployments/{NAME}"
POLICY = {"drift": {"reference": 200, "minimum": 10}}


def watched(database: Database, client: httpx.Client, version: UUID) -> None:
    assert client.put(PATH, json={"task": "text-generation", "policy": POLICY}).status_code == 200
    rng = np.random.default_rng(11)
    with database.transaction() as session:
        observe(session, version, about(rng, 0, 300))
    beat(database, version)


def moved(database: Database, version: UUID, count: int = 60) -> None:
    with database.transaction() as session:
        observe(session, version, about(np.random.default_rng(12), 1, count))
    beat(database, version)


def beat(database: Database, version: UUID) -> None:
    more = True
    while more:
        with database.transaction() as session:
            more = detect.detect(session, version, detect.Memory()).more
    with database.transaction() as session:
        deciding.decide_for(session, NAME, datetime.now(UTC))


def test_from_nothing_to_a_wish(client: httpx.Client, database: Database, assistant: UUID) -> None:
    before = client.get(f"{PATH}/drift").json()
    assert (before["state"], before["versions"][0]["reference"], before["alarms"]) == (None, None, [])
    assert (before["versions"][0]["gathered"], before["versions"][0]["wanted"]) == (0, 1000)
    watched(database, client, assistant)
    quiet = client.get(f"{PATH}/drift").json()
    assert (quiet["state"], quiet["alarms"], quiet["versions"][0]["watched"]) == ("stable", [], 100)
    assert {one["detector"] for one in quiet["versions"][0]["readings"]} == {
        "words_prompt",
        "said",
        "service",
    }
    moved(database, assistant)
    loud = client.get(f"{PATH}/drift").json()
    assert loud["state"] == "retrain"
    (alarm,) = loud["alarms"]
    assert (alarm["kind"], alarm["ended_at"], len(alarm["examples"])) == ("data", None, 5)
    assert alarm["since"] <= alarm["at"]
    assert alarm["value"] >= alarm["threshold"]
    assert loud["retraining"]["trigger"] == "alarm"
    kinds = [event["kind"] for event in client.get("/v1/events").json()["events"]]
    assert {"reference.made", "drift.alarm", "drift.decided", "retraining.requested"} <= set(kinds)


def test_a_new_normal_ends_the_alarm_and_the_old_one_stays(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    watched(database, client, assistant)
    moved(database, assistant, 250)
    first = client.get(f"{PATH}/drift").json()["versions"][0]["reference"]
    made = client.post(f"{PATH}/drift/references", json={"reason": "the manual has grown"})
    assert made.status_code == 201
    assert made.json()["digest"] != first["digest"]
    found = client.get(f"{PATH}/drift").json()
    assert found["versions"][0]["reference"]["id"] == made.json()["id"]
    assert found["alarms"][0]["ended_at"] is not None
    moved(database, assistant)
    assert len(client.get(f"{PATH}/drift").json()["alarms"]) == 1


def test_bad_wishes_name_the_field_and_the_remedy(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    early = client.post(f"{PATH}/drift/references", json={"reason": "why not"})
    assert (early.status_code, early.json()["field"]) == (422, "version")
    assert "reference" in early.json()["remedy"]
    assert client.post(f"{PATH}/retraining", json={}).json()["field"] == "reason"
    assert client.post(f"{PATH}/retraining", json={"reason": "the manual has grown"}).status_code == 201
    again = client.post(f"{PATH}/retraining", json={"reason": "still"})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    odd = client.put(PATH, json={"task": "text-generation", "policy": {"drift": {"schedule": "at noon"}}})
    assert odd.status_code == 422
    assert "cron" in odd.json()["detail"]
    assert client.get("/v1/deployments/nobody/drift").status_code == 404


def test_in_the_terminal(
    client: httpx.Client, database: Database, assistant: UUID, commands: Commands
) -> None:
    assert "has no reference yet" in commands("drift", NAME).said
    watched(database, client, assistant)
    moved(database, assistant)
    said = commands("drift", NAME).said
    assert "retrain" in said
    assert "data drift by words_prompt" in said
    assert json.loads(commands("drift", NAME, "--json").said)["state"] == "retrain"
    refused = commands("drift", NAME, "--retrain", "now, please")
    assert refused.code == 1
    assert "asked for and not done" in refused.wrong
