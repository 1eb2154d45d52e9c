"""A version that leaves: who still needs it, conversations that end or are moved and told so, and its last day by hand."""

from uuid import UUID

import httpx
import pytest

from mainspring.release import draining
from mainspring.serving.conversation import history
from mainspring.tables import Database, Job, Stage
from tests.api.rolling import ASK, another, begin, over, stage, submitted, unkept
from tests.api.serving import Hands

ENDS = "/v1/deployments/assistant/sessions"


def retired(database: Database) -> list[str]:
    with database.transaction() as session:
        return draining.retire_drained(session)


def answer_all(hands: Hands, version: UUID, count: int) -> None:
    for _ in range(count):
        hands.finish(hands.take(version), {"text": "yes"})


@pytest.mark.usefixtures("assistant")
def test_retired_by_hand_its_conversations_go_on_elsewhere_and_are_told_once(
    client: httpx.Client, database: Database
) -> None:
    submitted(client, 1, session="talk")
    submitted(client, 1)
    another(database)
    over(client)
    done = client.post("/v1/versions/assistant@1/retire", json={"reason": "too slow"})
    assert done.json() == {"version": "assistant@1", "stage": "retired", "jobs": 2, "sessions": 1}
    again = client.post("/v1/versions/assistant@1/retire", json={})
    assert (again.status_code, again.json()["jobs"]) == (200, 0)
    told, later = submitted(client, 2, session="talk")
    assert (told["version"], told["moved_from"]) == ("assistant@2", "assistant@1")
    assert client.get(f"/v1/jobs/{told['id']}").json()["moved_from"] == "assistant@1"
    assert "moved_from" not in later
    assert "moved_from" not in client.get(f"/v1/jobs/{later['id']}").json()
    moved = client.get("/v1/events", params={"about": "assistant@1"}).json()["events"]
    assert {"sessions.moved", "version.advanced"} <= {one["kind"] for one in moved}
    assert moved[0]["reason"] == "too slow"


@pytest.mark.usefixtures("assistant")
def test_taken_away_and_brought_back_before_it_noticed_a_conversation_is_told_nothing(
    client: httpx.Client, database: Database
) -> None:
    submitted(client, 1, session="talk")
    another(database)
    over(client)
    client.post("/v1/versions/assistant@1/retire", json={}).raise_for_status()
    back = client.post("/v1/deployments/assistant/rollback", json={"to": "assistant@1"})
    assert back.json()["version"] == "assistant@1"
    assert "moved_from" not in submitted(client, 1, session="talk")[0]


def test_who_needs_it_is_listed_until_nobody_does(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    submitted(client, 1, session="talk")
    submitted(client, 1, session="other")
    another(database)
    unkept(client)
    over(client)
    submitted(client, 3, deployment="assistant@1")
    submitted(client, 1)  # which anybody may answer
    found = client.get("/v1/versions/assistant@1/clients").json()
    [one] = found["clients"]
    assert (found["stage"], one["sessions"], one["pinned"]) == ("draining", 2, 3)
    assert one["last_at"]
    answer_all(hands, assistant, 5)
    assert retired(database) == []
    for name in ("talk", "other"):
        assert client.delete(f"{ENDS}/{name}").json()["ended"]
    assert retired(database) == []  # who named it was told a later day
    client.post("/v1/versions/assistant@1/retire", json={}).raise_for_status()
    gone = client.get("/v1/versions/assistant@2/clients").json()
    assert (gone["stage"], gone["clients"]) == ("production", [])


def test_a_conversation_that_ended_begins_anew_under_its_name(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    [first] = submitted(client, 1, session="talk/1 ?")
    answer_all(hands, assistant, 1)
    newer = another(database)
    over(client)
    assert submitted(client, 1, session="talk/1 ?")[0]["version"] == "assistant@1"
    answer_all(hands, assistant, 1)
    client.delete(f"{ENDS}/talk%2F1%20%3F").raise_for_status()
    [anew] = submitted(client, 1, session="talk/1 ?")
    assert (anew["version"], "moved_from" in anew) == ("assistant@2", False)
    job = hands.take(newer)
    with database.transaction() as session:
        talk = session.get_one(Job, job.job_id).session_id
        assert talk is not None
        assert history(session.connection(), talk, job.job_id) == []
    listed = client.get("/v1/jobs", params={"session": "talk/1 ?"}).json()["jobs"]
    assert [one["id"] for one in listed][::2] == [anew["id"], first["id"]]


@pytest.mark.usefixtures("assistant")
def test_what_cannot_leave_is_refused_with_a_remedy(client: httpx.Client, database: Database) -> None:
    champion = client.post("/v1/versions/assistant@1/retire", json={})
    assert (champion.status_code, champion.json()["code"]) == (409, "conflict")
    assert "mainspring retire assistant" in champion.json()["remedy"]
    another(database)
    another(database, 3)
    begin(client)
    challenger = client.post("/v1/versions/assistant@2/retire", json={})
    assert (challenger.status_code, "abort" in challenger.json()["remedy"]) == (409, True)
    assert client.post("/v1/versions/assistant@3/retire", json={}).json()["stage"] == "rejected"
    assert stage(database, 3) == Stage.REJECTED
    unknown = client.post("/v1/versions/assistant@9/retire", json={})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_version")


@pytest.mark.usefixtures("assistant")
def test_a_conversation_that_is_not_there_cannot_end(client: httpx.Client) -> None:
    client.post("/v1/jobs", json=ASK).raise_for_status()
    refused = client.delete(f"{ENDS}/nobody")
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_session")
    assert refused.json()["remedy"]
