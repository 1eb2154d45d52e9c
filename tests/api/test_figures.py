"""`GET …/metrics`: what was answered and said, per version, fresh for the hour that runs, from the table for the others."""

from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from mainspring.figures.rollup import roll_up
from mainspring.tables import Database, Job
from tests.api.reader import Reader
from tests.api.rolling import another
from tests.api.serving import Hands, Served, until
from tests.core.monitoring.served import hear, observe, place

URL = "/v1/deployments/assistant/metrics"


def told(client: httpx.Client, **asked: Any) -> Any:
    answer = client.get(URL, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def within_an_hour() -> datetime:
    """Now, or when the next hour has begun: the one that runs lasts until the test is over."""
    while (now := datetime.now(UTC)).minute == 59 and now.second > 30:
        sleep(1)
    return now


def answered(client: httpx.Client, hands: Hands, version: UUID, **said: Any) -> str:
    job = client.post("/v1/jobs", json={"deployment": "assistant", "input": "x"}).json()["id"]
    hands.finish(hands.take(version), {"label": "cat"})
    for kind, value in said.items():
        stored = client.post(f"/v1/jobs/{job}/feedback", json={kind: value})
        assert stored.status_code == 201, stored.text
    return str(job)


def test_what_was_just_answered_and_said(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    """Before any round of the rollup."""
    for true in ("cat", "Cat", "dog"):
        answered(client, hands, assistant, label=true, rating=1, outcome={"name": "sold", "value": 1})
    waits = client.post("/v1/jobs", json={"deployment": "assistant", "input": "x"}).json()["id"]
    assert told(client)["now"]["queued"] == 1
    client.post(f"/v1/jobs/{waits}/cancel")
    hear(database)
    found = told(client)
    assert found["step"] == "hour"
    (version,) = found["versions"]
    assert (version["version"], version["stage"]) == ("assistant@1", "production")
    figures = version["figures"]
    assert figures["states"] == {"succeeded": 3, "cancelled": 1}
    assert figures["accuracy"]["value"] == pytest.approx(2 / 3)
    assert figures["accuracy"]["low"] < 0.3
    assert figures["satisfaction"]["value"] == 1
    assert figures["satisfaction"]["low"] < 0.2  # three are few
    assert figures["outcomes"]["sold"]["count"] == 3
    assert figures["engagement"]["abandoned"]["value"] == 0.25
    assert figures["latency"]["total"]["p95"]["value"] > 0
    assert sum(point["figures"]["requests"] for point in version["series"]) == 4
    assert (found["now"]["queued"], found["now"]["ended"]) == (0, 4)


def test_who_leaves_a_stream_and_does_not_come_back_has_abandoned_it(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    """Four are read as they are written: one to its end, one whose reader comes back to the stream, one who asks for the
    answer later, and one whose reader is gone for good."""
    jobs = [
        client.post("/v1/jobs", json={"deployment": "assistant", "input": "x"}).json()["id"] for _ in "four"
    ]
    to_the_end, resumed, asked_later, gone = jobs
    fences = [hands.take(assistant) for _ in jobs]
    for job, fence in zip(jobs, fences, strict=True):
        hands.say(fence, 0, "some words")
        if job != to_the_end:
            Reader(client, job).read(cut_after=4)
            until(lambda job=job: left(database, job))
    hands.finish(fences[0], {"text": "some words"})
    Reader(client, to_the_end).read()
    Reader(client, resumed).read(cut_after=4)
    until(lambda: left(database, resumed))
    for fence in fences[1:]:
        hands.finish(fence, {"text": "some words and more"})
    assert Reader(client, resumed).read() == "some words and more"
    assert client.get(f"/v1/jobs/{asked_later}").json()["state"] == "succeeded"
    assert [job for job in jobs if left(database, job)] == [gone]
    hear(database)
    with database.begin() as connection:
        roll_up(connection)
    for _ in range(2):
        (version,) = told(client)["versions"]
        engagement = version["figures"]["engagement"]
        assert (engagement["left"]["value"], engagement["left"]["count"]) == (0.25, 4)
        assert engagement["abandoned"]["value"] == 0.25
        assert engagement["left"]["high"] < 0.8


def test_a_stopping_server_is_no_reader_that_leaves(
    served: Served, client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    job = client.post("/v1/jobs", json={"deployment": "assistant", "input": "x"}).json()["id"]
    fence = hands.take(assistant)
    hands.say(fence, 0, "some words")
    with client.stream("GET", f"/v1/jobs/{job}/events") as answer:
        heard = answer.iter_bytes()  # which closes the stream when nobody holds it
        assert b"retry" in next(heard)
        served.stop()
    assert not left(database, job)
    served.start()


def left(database: Database, job: str) -> bool:
    with database.transaction() as session:
        return session.scalars(select(Job.left_at).where(Job.id == UUID(job))).one() is not None


def test_hours_and_days_add_up(client: httpx.Client, database: Database, assistant: UUID) -> None:
    """Of both versions, rolled up or not yet: the hour that runs counts once."""
    second = another(database)
    now = within_an_hour()
    before = [now - timedelta(hours=hours) for hours in (1, 30, 24 * 40)]
    place(database, before[-1])
    with database.transaction() as session:
        observe(session, assistant, [now, *before], completion_tokens=5)
        observe(session, second, [now, now, before[0]], mean_logprob=-1.0)
    with database.begin() as connection:
        assert roll_up(connection).observations == 7
    with database.transaction() as session:
        observe(session, second, [now])
    for hours, expected in ((1, [3, 1]), (2, [4, 2]), (48, [4, 3]), (100, [4, 3]), (24 * 50, [4, 4])):
        found = told(client, hours=hours)
        assert [one["version"] for one in found["versions"]] == ["assistant@2", "assistant@1"]
        assert [one["figures"]["requests"] for one in found["versions"]] == expected, hours
        for one in found["versions"]:
            assert sum(point["figures"]["requests"] for point in one["series"]) == one["figures"]["requests"]
    assert found["step"] == "day"
    newer, older = found["versions"]
    assert newer["figures"]["log_probability"]["value"] == -1
    assert older["figures"]["tokens"]["completion"] == 20


@pytest.mark.usefixtures("assistant")
@pytest.mark.parametrize("hours", ["0", "-1", "many", "10001", "9" * 5000])
def test_hours_that_cannot_be_told(client: httpx.Client, hours: str) -> None:
    refused = client.get(URL, params={"hours": hours})
    assert (refused.status_code, refused.json()["field"]) == (422, "hours")


def test_who_may_see_it(client: httpx.Client, stranger: httpx.Client, assistant: UUID) -> None:
    """Figures are over all tenants."""
    assert stranger.get(URL).status_code == 403
    assert client.get("/v1/deployments/nothing/metrics").status_code == 404
    assert told(client)["versions"] == []


def test_an_outcome_beyond_any_meaning(client: httpx.Client, assistant: UUID, hands: Hands) -> None:
    job = answered(client, hands, assistant)
    refused = client.post(f"/v1/jobs/{job}/feedback", json={"outcome": {"name": "sold", "value": 1e16}})
    assert (refused.status_code, refused.json()["field"]) == (422, "outcome.value")
