"""Who names a version: told when it leaves, served until then, and then told who came after it."""

import json
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from mainspring.release import draining, strays
from mainspring.tables import Database, Stage
from tests.api.rolling import ASK, NAME, another, begin, holds, judge, over, stage, submitted, unkept
from tests.api.serving import Hands

PINNED = ASK | {"deployment": "assistant@1"}


def retired(database: Database) -> list[str]:
    with database.transaction() as session:
        return draining.retire_drained(session)


def taken_in(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        return strays.take_in_strays(session)


def refused(client: httpx.Client, **asked: Any) -> tuple[int, str, str]:
    answer = client.post("/v1/jobs", json=ASK | asked)
    return answer.status_code, answer.json()["code"], answer.json().get("remedy", "")


def test_who_was_told_a_day_is_served_until_then(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    another(database)
    unkept(client, deadline_seconds=3600)
    submitted(client, 1, deployment="assistant@1")  # while it stays: told nothing
    hands.finish(hands.take(assistant), {"text": "yes"})
    over(client)
    told = client.post("/v1/jobs", json=PINNED)
    since = int(told.headers["Deprecation"][1:])
    assert parsedate_to_datetime(told.headers["Sunset"]).timestamp() == pytest.approx(since + 3600, abs=1)
    hands.finish(hands.take(assistant), {"text": "yes"})
    assert retired(database) == []
    assert client.post("/v1/jobs", json=PINNED).json()["version"] == "assistant@1"
    hands.finish(hands.take(assistant), {"text": "yes"})
    unkept(client, deadline_seconds=0)
    assert retired(database) == ["assistant@1"]


def test_where_nobody_was_told_anything_it_leaves_at_once(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    another(database)
    unkept(client)
    submitted(client, 1, deployment="assistant@1")
    hands.finish(hands.take(assistant), {"text": "yes"})
    over(client)
    assert retired(database) == ["assistant@1"]


@pytest.mark.usefixtures("assistant")
def test_by_default_the_former_one_is_kept_for_the_way_back(client: httpx.Client, database: Database) -> None:
    another(database)
    over(client)
    assert retired(database) == []
    assert stage(database, 1) == Stage.DRAINING
    with database.begin() as connection:
        connection.execute(text("update versions set stage_at = stage_at - interval '31 s' where number = 1"))
    assert retired(database) == ["assistant@1"]


def test_after_the_last_day_what_waits_moves_and_what_runs_ends(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    second = another(database)
    unkept(client)
    over_before = submitted(client, 1, session="talk")[0]
    over(client)
    running = hands.take(assistant)
    assert str(running.job_id) == over_before["id"]
    submitted(client, 1, session="talk")
    named = submitted(client, 1, deployment="assistant@1")[0]
    assert taken_in(database) == {}
    unkept(client, deadline_seconds=0)
    assert retired(database) == []  # one runs
    assert taken_in(database) == {str(second): 2}
    assert taken_in(database) == {}
    moved = client.get(f"/v1/jobs/{named['id']}").json()
    assert (moved["version"], moved["moved_from"]) == ("assistant@2", "assistant@1")
    status, code, remedy = refused(client, deployment="assistant@1")
    assert (status, code, "`assistant@2`" in remedy) == (410, "version_retired", True)
    status, code, remedy = refused(client, deployment="assistant@1", session="talk")
    assert (status, code, "`assistant@2`" in remedy) == (410, "version_retired", True)
    went_on = submitted(client, 1, session="talk")[0]
    assert (went_on["version"], went_on["moved_from"]) == ("assistant@2", "assistant@1")
    assert stage(database, 1) == Stage.DRAINING
    hands.finish(running, {"text": "yes"})
    assert client.get(f"/v1/jobs/{over_before['id']}").json()["version"] == "assistant@1"
    assert retired(database) == ["assistant@1"]


def test_a_conversation_whose_version_is_past_its_last_day_goes_on_elsewhere_before_anybody_has_looked(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    submitted(client, 1, session="talk")
    another(database)
    unkept(client, deadline_seconds=0)
    over(client)
    told = submitted(client, 1, session="talk")[0]
    assert (told["version"], told["moved_from"]) == ("assistant@2", "assistant@1")


@pytest.mark.usefixtures("assistant")
def test_a_version_that_leaves_begins_no_conversation(client: httpx.Client, database: Database) -> None:
    submitted(client, 1, session="old")
    another(database)
    over(client)
    status, code, remedy = refused(client, deployment="assistant@1", session="new")
    assert (status, code, "`assistant@2`" in remedy) == (409, "conflict", True)
    assert submitted(client, 1, deployment="assistant@1", session="old")[0]["version"] == "assistant@1"
    assert submitted(client, 1, session="new")[0]["version"] == "assistant@2"


def test_the_successor_is_the_champion_and_no_challenger(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    submitted(client, 1, session="talk")
    third = another(database, 3)
    another(database)
    over(client)
    client.post("/v1/versions/assistant@1/retire", json={}).raise_for_status()
    holds(database, hands, third)
    begin(client, "assistant@3", steps=[0.999], samples=1000)
    judge(database)
    assert "assistant@3" in {one["version"] for one in submitted(client, 3)}
    for more in ({}, {"session": "talk"}, {"session": "new"}):
        status, code, remedy = refused(client, deployment="assistant@1", **more)
        assert (status, code) == (410, "version_retired")
        assert "`assistant@2`" in remedy
        assert "assistant@3" not in remedy


@pytest.mark.usefixtures("assistant")
def test_the_job_and_a_line_of_many_say_it_too(client: httpx.Client, database: Database) -> None:
    early = submitted(client, 1, deployment="assistant@1")[0]
    assert "Sunset" not in client.get(f"/v1/jobs/{early['id']}").headers
    another(database)
    over(client)
    told = client.post("/v1/jobs", json=PINNED)
    for name in (early["id"], told.json()["id"]):
        seen = client.get(f"/v1/jobs/{name}", params={"wait": "0.01"})
        assert {key: seen.headers[key] for key in ("Deprecation", "Sunset")} == {
            key: told.headers[key] for key in ("Deprecation", "Sunset")
        }
    anybody = submitted(client, 1)[0]
    assert "Sunset" not in client.get(f"/v1/jobs/{anybody['id']}").headers
    bulk = client.post(
        "/v1/jobs/bulk",
        content=f"{json.dumps(PINNED)}\n{json.dumps(ASK)}\n{json.dumps(PINNED | {'idempotency_key': 'k'})}",
        headers={"Content-Type": "application/x-ndjson"},
    )
    pinned, plain, alone = (json.loads(line) for line in bulk.text.splitlines())
    until = parsedate_to_datetime(told.headers["Sunset"])
    for line in (pinned, alone):
        assert int(datetime.fromisoformat(line["deprecation"]).timestamp()) == int(
            told.headers["Deprecation"][1:]
        )
        assert int(datetime.fromisoformat(line["sunset"]).timestamp()) == int(until.timestamp())
    assert "sunset" not in plain


def test_who_names_a_version_is_listed_before_it_leaves(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    second = another(database)
    holds(database, hands, second)
    submitted(client, 2, deployment="assistant@1")
    submitted(client, 3)
    begin(client, samples=1000)
    judge(database)
    submitted(client, 1, deployment="assistant@2")
    for label, count, where in (("assistant@1", 2, "production"), ("assistant@2", 1, "canary")):
        found = client.get(f"/v1/versions/{label}/clients").json()
        assert (found["stage"], [one["pinned"] for one in found["clients"]]) == (where, [count])
        assert found["clients"][0]["last_at"]


def test_what_came_late_to_a_version_that_was_rolled_back_moves_too_but_not_who_named_it(
    client: httpx.Client, database: Database, assistant: UUID
) -> None:
    """A message is accepted while its version is rolled back: it is stored after the others were moved."""
    second = another(database)
    over(client)
    client.post(f"{NAME}/rollback", json={}).raise_for_status()
    assert submitted(client, 1, session="talk")[0]["version"] == "assistant@1"
    submitted(client, 1)
    submitted(client, 1, deployment="assistant@2")
    with database.begin() as connection:
        connection.execute(text("update jobs set version_id = :late"), {"late": second})
        connection.execute(text("update sessions set version_id = :late"), {"late": second})
    assert taken_in(database) == {str(assistant): 2}
    assert taken_in(database) == {}
    told = submitted(client, 1, session="talk")[0]
    assert (told["version"], told["moved_from"]) == ("assistant@1", "assistant@2")
    assert client.get("/v1/versions/assistant@2/clients").json()["clients"][0]["pinned"] == 1


@pytest.mark.usefixtures("assistant")
def test_a_rollback_leaves_alone_what_has_ended(client: httpx.Client, database: Database) -> None:
    another(database)
    over(client)
    submitted(client, 1, session="goes on")
    submitted(client, 1, session="over")
    client.delete(f"{NAME}/sessions/over").raise_for_status()
    client.post(f"{NAME}/rollback", json={}).raise_for_status()
    events = client.get("/v1/events", params={"about": "assistant"}).json()["events"]
    assert next(one for one in events if one["kind"] == "deployment.rolled_back")["inputs"]["sessions"] == 1
    anew = submitted(client, 1, session="over")[0]
    assert (anew["version"], "moved_from" in anew) == ("assistant@1", False)
    went_on = submitted(client, 1, session="goes on")[0]
    assert (went_on["version"], went_on["moved_from"]) == ("assistant@1", "assistant@2")


@pytest.mark.usefixtures("assistant")
def test_a_version_has_one_name(client: httpx.Client) -> None:
    assert refused(client, deployment="assistant@01")[:2] == (404, "unknown_version")
