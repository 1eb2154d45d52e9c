"""Drift as an operator sees it: nothing yet, watched, an alarm with what is new, a new normal, a wish."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pytest

from mainspring.monitor import deciding, detect
from mainspring.monitor.making import make
from mainspring.observe.eyes import Eyes
from mainspring.tables import Database, Making
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
    assert (before["versions"][0]["gathered"], before["versions"][0]["wanted"]) == (0, 2000)
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


class Fixed:
    """Vectors about the first subject."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return about(np.random.default_rng(len(texts)), 0, len(texts))


ASKED = [{"input": f"what is number {number}?"} for number in range(200)]
EYES = Eyes(Fixed(), None)


def test_prompts_are_normal_and_alarm_at_once(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    assert client.put(PATH, json={"task": "text-generation", "policy": POLICY}).status_code == 200
    asked = client.post(f"{PATH}/drift/references", json={"reason": "as evaluated", "prompts": ASKED})
    assert asked.status_code == 202
    assert (asked.json()["state"], asked.json()["wanted"], asked.json()["version"]) == (
        "waiting",
        200,
        "assistant@1",
    )
    again = client.post(f"{PATH}/drift/references", json={"reason": "again", "prompts": ASKED})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert make(database, EYES) is Making.MADE
    (version,) = client.get(f"{PATH}/drift").json()["versions"]
    assert (version["making"]["state"], version["making"]["reference"]) == (
        "made",
        version["reference"]["id"],
    )
    name = f"prompts {asked.json()['prompts']}"
    assert (version["reference"]["origin"], version["reference"]["origins"]) == (name, {"words_prompt": name})
    assert version["reference"]["awaits_traffic"]
    assert (version["gathered"], version["wanted"]) == (0, 200)
    moved(database, assistant)
    assert client.get(f"{PATH}/drift").json()["state"] == "retrain"


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"prompts": ASKED[:49]}, "prompts", "49 different prompts"),
        ({"prompts": []}, "prompts", "at least 1 item"),
        ({"prompts": {"input": "x"}}, "prompts", "valid list"),
        ({"prompts": [*ASKED[:60], {"input": " "}]}, "prompts.60.input", "empty"),
        ({"prompts": [*ASKED[:60], {"input": 7}]}, "prompts.60.input", "cannot read"),
        ({"prompts": [*ASKED[:60], {"text": "x"}]}, "prompts.60.input", "required"),
        ({"prompts": [*ASKED[:60], "x"]}, "prompts.60", "valid"),
        ({"prompt_set": "nowhere"}, "prompt_set", "no prompts of the name"),
        ({"prompt_set": "a", "prompts": ASKED}, "prompts", "a set and a list"),
    ],
)
@pytest.mark.usefixtures("assistant")
def test_prompts_that_make_no_reference(
    client: httpx.Client, given: dict[str, Any], field: str, said: str
) -> None:
    refused = client.post(f"{PATH}/drift/references", json={"reason": "as evaluated"} | given)
    problem = refused.json()
    assert (refused.status_code, problem["field"]) == (404 if "nowhere" in said + str(given) else 422, field)
    assert any(one in problem["detail"] for one in said.split("|")), problem["detail"]
    assert problem["remedy"]


def test_a_policy_names_prompts_that_are_stored(client: httpx.Client, assistant: UUID) -> None:
    policy = {"drift": {"prompts": "acceptance"}}
    refused = client.put(PATH, json={"task": "text-generation", "policy": policy})
    assert (refused.status_code, refused.json()["field"]) == (404, "policy.drift.prompts")
    assert client.put(f"{PATH}/prompts/acceptance", json={"prompts": ASKED}).status_code == 201
    assert client.put(PATH, json={"task": "text-generation", "policy": policy}).status_code == 200


def test_a_file_of_prompts_in_the_terminal(
    client: httpx.Client, database: Database, assistant: UUID, commands: Commands, tmp_path: Path
) -> None:
    file = tmp_path / "prompts.jsonl"
    lines = ["", *(json.dumps(one) for one in ASKED[:60]), "and in plain text"]
    file.write_text("\n".join([*lines, '{"input": ""}']))
    refused = commands("drift", NAME, "--reference", str(file))
    assert (refused.code, f"{file}, line 63, input" in refused.wrong) == (1, True)
    file.write_text("\n".join([*lines, '{"input": ']))
    refused = commands("drift", NAME, "--reference", str(file))
    assert (refused.code, f"{file}, line 63" in refused.wrong) == (1, True)
    file.write_text("\n".join(lines))
    assert "is waiting; 0 of 61 are read" in commands("drift", NAME, "--reference", str(file)).said
    make(database, EYES)
    said = commands("drift", NAME).said
    assert "normal is: the prompts of prompts.jsonl" in said
    assert "words_prompt" in said
    assert "0 of 2,000 are there" in said
    assert "no file" in commands("drift", NAME, "--reference", "nowhere.jsonl").wrong
