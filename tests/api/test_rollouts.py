"""A rollout as an operator sees it: begun, stepped by the judge, promoted, rolled back; and the way back afterwards."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text

from mainspring.audit import verify
from mainspring.release import draining, strays
from mainspring.tables import Database, Event, Stage
from tests.api.rolling import (
    ASK,
    NAME,
    NOBODY,
    PLAN,
    another,
    answered,
    begin,
    holds,
    judge,
    stage,
    submitted,
    unkept,
)
from tests.api.serving import Hands


def test_from_the_first_share_to_production(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    versions = {"assistant@1": assistant, "assistant@2": another(database)}
    rollout = begin(client)
    assert (rollout["state"], rollout["share"], stage(database, 2)) == ("loading", 0.0, Stage.STAGING)
    assert {one["version"] for one in submitted(client, 5)} == {"assistant@1"}
    judge(database)
    assert stage(database, 2) == Stage.STAGING  # nobody holds it yet
    holds(database, hands, versions["assistant@2"])
    judge(database)
    looked = client.get(f"/v1/rollouts/{rollout['id']}").json()
    assert (looked["state"], looked["share"], stage(database, 2)) == ("canary", 0.2, Stage.CANARY)
    for share in (0.2, 0.5):
        assert client.get(f"/v1/rollouts/{rollout['id']}").json()["share"] == share
        receipts = submitted(client, 60)
        drawn = [one["version"] for one in receipts]
        assert {"assistant@1", "assistant@2"} == set(drawn)
        judge(database)
        assert (
            client.get(f"/v1/rollouts/{rollout['id']}").json()["share"] == share
        )  # nothing was answered yet
        while waiting := _waiting(database, versions["assistant@1"]):
            hands.finish(hands.take(versions["assistant@1"]), {"text": "yes"})
            assert waiting
        answered(hands, versions, [one for one in receipts if one["version"] == "assistant@2"])
        judge(database)
    ended = client.get(f"{NAME}/rollouts").json()["rollouts"][0]
    assert (ended["state"], ended["share"]) == ("promoted", 1.0)
    assert (stage(database, 1), stage(database, 2)) == (Stage.DRAINING, Stage.PRODUCTION)
    assert submitted(client, 1)[0]["version"] == "assistant@2"
    with database.transaction() as session:
        told = session.scalars(select(Event.kind).where(Event.about == "assistant").order_by(Event.id)).all()
    assert told == ["rollout.begun", "rollout.stepped", "rollout.stepped", "rollout.promoted"]


def _waiting(database: Database, version: UUID) -> int:
    with database.begin() as connection:
        asked = text("select count(*) from jobs where version_id = :version and state = 'queued'")
        return int(connection.scalar(asked, {"version": version}) or 0)


def test_a_challenger_that_fails_is_rolled_back_and_its_queue_moves(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    versions = {"assistant@1": assistant, "assistant@2": another(database)}
    holds(database, hands, versions["assistant@2"])
    rollout = begin(client, samples=1000)
    judge(database)
    receipts = submitted(client, 150)
    answered(hands, versions, receipts, failing="assistant@2")
    waiting = submitted(client, 40)
    moved = sum(one["version"] == "assistant@2" for one in waiting)
    assert moved
    found = judge(database)
    assert found.changed
    assert found.moved == {str(assistant): moved}
    looked = client.get(f"/v1/rollouts/{rollout['id']}").json()
    assert (looked["state"], looked["share"], looked["judged"]["worse"]) == ("rolled_back", 0.0, "failed")
    assert stage(database, 2) == Stage.REJECTED
    assert _waiting(database, assistant) == 40
    assert {one["version"] for one in submitted(client, 20)} == {"assistant@1"}
    with database.transaction() as session:
        event = session.scalars(select(Event).where(Event.kind == "rollout.rolled_back")).one()
    assert "answers that failed" in event.reason
    assert event.actor == "judge"
    assert event.inputs["judged"]["evidence"]["failed"]["challenger"] > 10


def test_a_session_stays_on_its_version_and_moves_only_when_that_goes(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    another_id = another(database)
    holds(database, hands, another_id)
    begin(client, steps=[0.5], samples=1000)
    judge(database)
    names = [f"talk {number}" for number in range(40)]
    first = {name: submitted(client, 1, session=name)[0]["version"] for name in names}
    assert set(first.values()) == {"assistant@1", "assistant@2"}
    assert {name: submitted(client, 1, session=name)[0]["version"] for name in names} == first
    done = client.post(f"{NAME}/rollback", json={"reason": "I do not like it"}).json()
    assert (done["version"], done["instead_of"]) == ("assistant@1", "assistant@2")
    assert done["moved"] == 2 * sum(version == "assistant@2" for version in first.values())
    assert {submitted(client, 1, session=name)[0]["version"] for name in names} == {"assistant@1"}


def test_conversations_stay_on_the_former_champion_until_they_fall_silent(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    unkept(client)
    submitted(client, 1, session="old")
    hands.finish(hands.take(assistant), {"text": "yes"})
    another(database)
    client.post(f"{NAME}/rollouts", json={"version": "assistant@2"}).raise_for_status()  # no policy: at once
    assert (stage(database, 1), stage(database, 2)) == (Stage.DRAINING, Stage.PRODUCTION)
    assert submitted(client, 1, session="old")[0]["version"] == "assistant@1"
    assert submitted(client, 1, session="new")[0]["version"] == "assistant@2"
    with database.transaction() as session:
        assert draining.retire_drained(session) == []  # its job is queued
    hands.finish(hands.take(assistant), {"text": "yes"})
    with database.transaction() as session:
        assert draining.retire_drained(session) == []  # the conversation may go on
    unkept(client, idle_seconds=0)
    with database.transaction() as session:
        assert draining.retire_drained(session) == ["assistant@1"]
    assert submitted(client, 1, session="old")[0]["version"] == "assistant@2"


def test_the_way_back_to_an_earlier_version(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    unkept(client)
    for number in (2, 3):
        another(database, number)
        client.post(f"{NAME}/rollouts", json={"version": f"assistant@{number}"}).raise_for_status()
    with database.transaction() as session:
        assert draining.retire_drained(session) == ["assistant@1", "assistant@2"]
    receipts = submitted(client, 3)
    assert {one["version"] for one in receipts} == {"assistant@3"}
    done = client.post(f"{NAME}/rollback", json={}).json()
    assert done == {"version": "assistant@2", "instead_of": "assistant@3", "moved": 3}
    assert _waiting(database, assistant) == 0
    done = client.post(f"{NAME}/rollback", json={}).json()  # further back, not to the one that was left
    assert done == {"version": "assistant@1", "instead_of": "assistant@2", "moved": 3}
    assert _waiting(database, assistant) == 3
    assert [hands.take(assistant) for _ in range(3)]
    for asked in ({}, {"to": "assistant@1"}):
        refused = client.post(f"{NAME}/rollback", json=asked)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
        assert refused.json()["remedy"]
    again = client.post(f"{NAME}/rollback", json={"to": "assistant@3"}).json()
    assert again == {"version": "assistant@3", "instead_of": "assistant@1", "moved": 0}
    with database.begin() as connection:
        assert verify(connection).findings == []


def test_a_version_that_no_worker_can_hold_goes_back(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    holds(database, hands, another(database), "refused")
    rollout = begin(client)
    judge(database)
    looked = client.get(f"/v1/rollouts/{rollout['id']}").json()
    assert (looked["state"], stage(database, 2)) == ("rolled_back", Stage.REJECTED)
    with database.transaction() as session:
        assert (
            "there is no room"
            in session.scalars(select(Event.reason).where(Event.kind == "rollout.rolled_back")).one()
        )


@pytest.mark.parametrize(
    ("verb", "state", "second"),
    [
        ("promote", "promoted", Stage.PRODUCTION),
        ("rollback", "rolled_back", Stage.REJECTED),
        ("abort", "aborted", Stage.REJECTED),
    ],
)
@pytest.mark.usefixtures("assistant")
def test_by_hand(client: httpx.Client, database: Database, verb: str, state: str, second: Stage) -> None:
    another(database)
    rollout = begin(client)
    done = client.post(f"/v1/rollouts/{rollout['id']}/{verb}", json={"reason": "I say so"})
    assert (done.status_code, done.json()["state"], stage(database, 2)) == (200, state, second)
    again = client.post(f"/v1/rollouts/{rollout['id']}/{verb}", json={})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_by_another_plan_it_goes_on_from_that_ones_first_share(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    second = another(database)
    rollout = begin(client)
    path = f"/v1/rollouts/{rollout['id']}/plan"
    loading = client.put(path, json={"plan": PLAN | {"steps": [0.3, 0.6]}}).json()
    assert (loading["state"], loading["share"]) == ("loading", 0.0)
    holds(database, hands, second)
    judge(database)
    assert client.get(f"/v1/rollouts/{rollout['id']}").json()["share"] == 0.3
    changed = client.put(path, json={"plan": PLAN | {"steps": [0.5]}, "reason": "more of it"}).json()
    assert (changed["share"], changed["step"], changed["plan"]["steps"]) == (0.5, 0, [0.5])
    refused = client.put(path, json={"plan": PLAN | {"steps": []}})
    assert (refused.status_code, refused.json()["field"]) == (422, "plan.steps")
    with database.transaction() as session:
        told = session.scalars(select(Event).where(Event.kind == "rollout.replanned")).all()
    assert [one.inputs["to"]["steps"] for one in told] == [[0.3, 0.6], [0.5]]


def test_paused_it_stays_and_waits_for_a_word_where_the_policy_wants_one(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    holds(database, hands, another(database))
    rollout = begin(client, steps=[0.5], samples=0, approval=True)
    judge(database)
    assert client.post(f"/v1/rollouts/{rollout['id']}/pause", json={}).json()["paused"]
    judge(database)
    assert client.get(f"/v1/rollouts/{rollout['id']}").json()["state"] == "canary"
    assert not client.post(f"/v1/rollouts/{rollout['id']}/resume", json={}).json()["paused"]
    judge(database)
    judge(database)
    assert client.get(f"/v1/rollouts/{rollout['id']}").json()["state"] == "waiting"
    assert stage(database, 2) == Stage.CANARY
    client.post(f"/v1/rollouts/{rollout['id']}/promote", json={"reason": "looks good"}).raise_for_status()
    with database.transaction() as session:
        event = session.scalars(select(Event).where(Event.kind == "rollout.promoted")).one()
    assert (event.reason, event.actor.split()[0]) == ("looks good", "key")


def test_one_rollout_at_a_time(client: httpx.Client, database: Database, assistant: UUID) -> None:
    another(database)
    another(database, 3)
    first = begin(client)
    assert begin(client)["id"] == first["id"]  # asked for twice
    refused = client.post(f"{NAME}/rollouts", json={"version": "assistant@3", "plan": PLAN})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "assistant@2" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (f"{NAME}/rollouts", {"version": "assistant@9"}, 404, "unknown_version"),
        (f"{NAME}/rollouts", {"version": "other@1"}, 404, "unknown_version"),
        (f"{NAME}/rollouts", {"version": "assistant@1", "plan": {"steps": [2]}}, 422, "invalid_request"),
        (f"{NAME}/rollback", {}, 409, "conflict"),
        (f"{NAME}/rollback", {"to": "assistant@7"}, 404, "unknown_version"),
        (f"/v1/rollouts/{NOBODY}/promote", {}, 404, "unknown_rollout"),
        ("/v1/rollouts/nonsense/promote", {}, 404, "unknown_rollout"),
        (f"/v1/rollouts/{NOBODY}/explode", {}, 404, "unknown_rollout"),
        ("/v1/deployments/nobody/rollback", {}, 404, "unknown_deployment"),
    ],
)
@pytest.mark.usefixtures("assistant")
def test_what_cannot_be_is_refused_with_a_remedy(
    client: httpx.Client, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    refused = client.post(path, json=body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.json()["remedy"]


def test_jobs_drawn_for_a_version_that_just_went_are_taken_in(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    """A job is accepted while its version is rolled back: it is stored after the others were moved."""
    another_id = another(database)
    rollout = begin(client)
    client.post(f"/v1/rollouts/{rollout['id']}/abort", json={}).raise_for_status()
    submitted(client, 2)
    with database.begin() as connection:
        connection.execute(text("update jobs set version_id = :late"), {"late": another_id})
    with database.transaction() as session:
        assert strays.take_in_strays(session) == {str(assistant): 2}
    assert _waiting(database, assistant) == 2


def test_the_log_over_http(client: httpx.Client, database: Database, assistant: UUID) -> None:
    another(database)
    begin(client)
    found = client.get("/v1/events", params={"about": "assistant@2"}).json()["events"]
    assert [one["inputs"]["to"] for one in found] == ["staging", "testing"]
    checked = client.get("/v1/audit/verify").json()
    assert (checked["whole"], checked["findings"]) == (True, [])
    pages, cursor = [], None
    while True:
        params = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        page = client.get("/v1/events", params=params).json()
        pages += [one["position"] for one in page["events"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert pages == list(range(checked["events"], 0, -1))
    assert client.get("/v1/events", params={"limit": 1}).json()["events"][0]["hash"] == checked["head"]


def test_a_pinned_client_is_told_that_its_version_leaves_and_then_that_it_is_gone(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    another(database)
    pinned = {"deployment": "assistant@1", "input": "hello"}
    first = client.post("/v1/jobs", json=pinned)
    assert (first.json()["version"], first.json()["deployment"]) == ("assistant@1", "assistant")
    assert "Sunset" not in first.headers
    early = client.post("/v1/jobs", json=pinned | {"deployment": "assistant@2"})
    assert (early.status_code, early.json()["code"]) == (503, "not_ready")
    client.post(f"{NAME}/rollouts", json={"version": "assistant@2"}).raise_for_status()
    leaving = client.post("/v1/jobs", json=pinned)
    assert leaving.json()["version"] == "assistant@1"
    assert leaving.headers["Deprecation"].startswith("@")
    assert leaving.headers["Sunset"].endswith("GMT")
    bulk = client.post(
        "/v1/jobs/bulk",
        content=f"{json.dumps(pinned)}\n{json.dumps(ASK)}",
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert [json.loads(line)["version"] for line in bulk.text.splitlines()] == ["assistant@1", "assistant@2"]
    for _ in range(3):
        hands.finish(hands.take(assistant), {"text": "yes"})
    unkept(client)
    with database.transaction() as session:
        assert draining.retire_drained(session) == []  # it was told another day
    client.post("/v1/versions/assistant@1/retire", json={}).raise_for_status()
    gone = client.post("/v1/jobs", json=pinned)
    assert (gone.status_code, gone.json()["code"]) == (410, "version_retired")
    assert "assistant@2" in gone.json()["remedy"]
    unknown = client.post("/v1/jobs", json=pinned | {"deployment": "assistant@77"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_version")


def test_a_conversation_cannot_be_pinned_to_another_version_than_its_own(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    submitted(client, 1, session="talk")
    another(database)
    client.post(f"{NAME}/rollouts", json={"version": "assistant@2"}).raise_for_status()
    refused = client.post("/v1/jobs", json=ASK | {"deployment": "assistant@2", "session": "talk"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert submitted(client, 1, session="talk", deployment="assistant@1")[0]["version"] == "assistant@1"


def test_a_deployment_that_is_retired_ends_its_rollout(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    another(database)
    rollout = begin(client)
    client.delete(NAME).raise_for_status()
    assert client.get(f"/v1/rollouts/{rollout['id']}").json()["state"] == "aborted"
    assert stage(database, 2) == Stage.REJECTED


def test_two_versions_side_by_side(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    versions = {"assistant@1": assistant, "assistant@2": another(database)}
    answered(hands, versions, submitted(client, 40))
    client.post(f"{NAME}/rollouts", json={"version": "assistant@2"}).raise_for_status()
    answered(hands, versions, submitted(client, 40), failing="assistant@2")
    found = client.get(f"{NAME}/compare", params={"a": "assistant@1", "b": "assistant@2"}).json()
    assert (found["a"]["version"], found["b"]["stage"]) == ("assistant@1", "production")
    failed = next(one for one in found["metrics"] if one["name"] == "failed")
    assert (failed["a"]["value"], failed["b"]["value"], failed["differs"]) == (0.0, 1.0, True)
    assert failed["a"]["high"] < failed["b"]["low"]
    shown = client.get(
        f"{NAME}/compare", params={"a": "assistant@1", "b": "assistant@2"}, headers={"Accept": "text/html"}
    )
    assert shown.headers["content-type"].startswith("text/html")
    assert "<h1>assistant@1 and assistant@2</h1>" in shown.text
    assert '<td class="worse">worse</td>' in shown.text
    unknown = client.get(f"{NAME}/compare", params={"a": "assistant@1", "b": "assistant@9"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_version")
