"""Lists of jobs, feedback, keys and tenants."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from mainspring.tables import Database
from tests.api.commanding import Commands
from tests.api.paging import pages
from tests.api.rolling import another, over
from tests.api.serving import Hands, Served

ASK = {"deployment": "assistant", "input": "Why is the sky blue?"}


def submit(client: httpx.Client, **more: Any) -> str:
    answer = client.post("/v1/jobs", json={**ASK, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def listed(client: httpx.Client, **wanted: Any) -> list[str]:
    return [job["id"] for job in pages(client, "/v1/jobs", **wanted)]


def test_newest_first_page_by_page(client: httpx.Client, assistant: UUID, hands: Hands) -> None:
    ids = [submit(client) for _ in range(7)]
    ids.append(submit(client, session="talk", priority="high"))
    hands.finish(hands.take(assistant), {"text": "yes"})
    assert listed(client, limit=3) == ids[::-1]
    assert listed(client, session="talk") == ids[-1:]
    assert len(listed(client, state="succeeded")) == 1
    assert listed(client, deployment="nobody") == []
    job = client.get(f"/v1/jobs/{ids[-1]}").json()
    assert (job["session"], job["priority"], job["deadline_at"]) == ("talk", "high", None)


def test_the_answers_that_a_version_gave(
    client: httpx.Client, database: Database, assistant: UUID, commands: Commands
) -> None:
    first = [submit(client) for _ in range(3)]
    another(database)
    over(client)
    second = [submit(client) for _ in range(2)]
    assert listed(client, version="assistant@1", limit=2) == first[::-1]
    assert listed(client, version="assistant@2") == second[::-1]
    assert listed(client, version="assistant@2", state="succeeded") == []
    assert listed(client, version="assistant@3") == listed(client, version="other@1") == []
    told = json.loads(commands("jobs", "--version", "assistant@2", "--json").said)
    assert [one["id"] for one in told] == second[::-1]
    assert "`assistant@3`" in commands("jobs", "--version", "assistant").wrong


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"state": "done"}, "state"),
        ({"limit": "0"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"version": "assistant"}, "version"),
        ({"version": "@1"}, "version"),
        ({"version": "assistant@x"}, "version"),
        ({"version": "a\x00b@1"}, "version"),
    ],
)
def test_a_list_that_cannot_be(client: httpx.Client, wanted: dict[str, str], field: str) -> None:
    answer = client.get("/v1/jobs", params=wanted)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_another_tenant_sees_nothing(client: httpx.Client, stranger: httpx.Client, assistant: UUID) -> None:
    mine = submit(client)
    assert listed(stranger) == []
    assert stranger.get(f"/v1/jobs/{mine}").status_code == 404
    assert stranger.post(f"/v1/jobs/{mine}/feedback", json={"rating": 1}).status_code == 404
    assert stranger.get("/v1/keys").status_code == 403


@pytest.mark.parametrize(
    "said",
    [
        {"rating": -0.5},
        {"correction": "Because of Rayleigh scattering."},
        {"label": "physics"},
        {"outcome": {"name": "resolved", "value": 1}},
    ],
)
def test_feedback(client: httpx.Client, assistant: UUID, hands: Hands, said: dict[str, Any]) -> None:
    job = submit(client)
    early = client.post(f"/v1/jobs/{job}/feedback", json=said)
    assert early.status_code == 422
    hands.finish(hands.take(assistant), {"text": "yes"})
    answer = client.post(f"/v1/jobs/{job}/feedback", json=said)
    assert answer.status_code == 201
    assert answer.json()["kind"] == next(iter(said))


@pytest.mark.parametrize(
    "said",
    [{}, {"rating": 2}, {"rating": 1, "label": "x"}, {"outcome": {"name": "A b", "value": 1}}, {"stars": 5}],
)
def test_feedback_that_says_nothing(
    client: httpx.Client, assistant: UUID, hands: Hands, said: dict[str, Any]
) -> None:
    job = submit(client)
    hands.finish(hands.take(assistant), {"text": "yes"})
    answer = client.post(f"/v1/jobs/{job}/feedback", json=said)
    assert answer.status_code == 422
    assert answer.json()["remedy"]


def test_keys_are_made_rotated_and_revoked(client: httpx.Client, served: Served) -> None:
    def works(key: str) -> bool:
        return (
            httpx.get(f"{served.url}/v1/jobs", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        )

    first = client.post("/v1/keys", json={"name": "robot"}).json()["key"]
    shown = client.get("/v1/keys").json()["keys"][0]
    assert (shown["name"], shown["scopes"], shown["revoked_at"]) == ("robot", ["jobs"], None)
    assert first.split("_")[1] == shown["prefix"]
    assert works(first)
    second = client.post(f"/v1/keys/{shown['id']}/rotate", json={"overlap_seconds": 60}).json()["key"]
    assert works(first)
    assert works(second)
    third = client.post(f"/v1/keys/{shown['id']}/rotate", json={"overlap_seconds": 0}).json()["key"]
    assert not works(first)
    newest = client.get("/v1/keys").json()["keys"][0]
    assert client.delete(f"/v1/keys/{newest['id']}").status_code == 204
    assert not works(third)
    assert works(second)
    assert client.delete(f"/v1/keys/{uuid4()}").json()["code"] == "not_found"
    assert client.post("/v1/keys", json={"name": "x", "scopes": ["root"]}).status_code == 422


def test_a_tenant_is_bounded(client: httpx.Client, served: Served, assistant: UUID) -> None:
    key = client.post("/v1/keys", json={"name": "r", "tenant": "busy"}).json()["key"]
    bounds = client.put("/v1/tenants/busy", json={"per_minute": 2, "weight": 0.5}).json()
    assert bounds == {
        "name": "busy",
        "weight": 0.5,
        "queue_bound": None,
        "running_bound": None,
        "per_minute": 2,
    }
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {key}"}) as busy:
        codes = [busy.post("/v1/jobs", json=ASK).json().get("code") for _ in range(3)]
    assert codes == [None, None, "rate_limited"]
