"""Submit, look, wait, cancel: what a producer sees."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpx
from redis import Redis
from redis.client import PubSub
from sqlalchemy import func, select

from mainspring.access import make_key
from mainspring.errors import PromptTooLong
from mainspring.messages import version_queue
from mainspring.serving import stream
from mainspring.tables import Database, Job, Task
from mainspring.terms import ADMIN
from tests.api.serving import Hands, Served, produce, until

ASK = {"deployment": "assistant", "input": "Why is the sky blue?"}


def submit(client: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json={**ASK, **more})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def notices(heard: PubSub) -> list[tuple[str, str]]:
    """The next one, if it comes within a moment."""
    found = None
    end = monotonic() + 0.5
    while found is None and monotonic() < end:  # None also for a confirmation of the subscription
        found = heard.get_message(timeout=0.2)
    return [] if found is None else [(found["channel"].decode(), found["data"].decode())]


def test_a_job_is_accepted_stored_and_nudged(client: httpx.Client, assistant: UUID, redis: Redis) -> None:
    answer = client.post(
        "/v1/jobs", json={**ASK, "metadata": {"page": "七"}, "parameters": {"max_tokens": 9}}
    )
    receipt = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{receipt['id']}"
    assert receipt | {"id": "", "created_at": ""} == {
        "id": "",
        "state": "queued",
        "deployment": "assistant",
        "version": "assistant@1",
        "position": 1,
        "estimated_wait_seconds": None,
        "created_at": "",
    }
    seen = client.get(answer.headers["location"]).json()
    assert (seen["state"], seen["attempt"], seen["metadata"]) == ("queued", 0, {"page": "七"})
    until(lambda: redis.llen(version_queue(str(assistant))) == 1)
    assert submit(client)["position"] == 2


def test_an_ended_job_shows_its_answer(client: httpx.Client, assistant: UUID, hands: Hands) -> None:
    receipt = submit(client)
    job = hands.take(assistant)
    assert client.get(f"/v1/jobs/{receipt['id']}").json()["state"] == "running"
    hands.finish(job, {"text": "Rayleigh 😀"})
    seen = client.get(f"/v1/jobs/{receipt['id']}").json()
    assert seen["state"] == "succeeded"
    assert seen["output"] == {"text": "Rayleigh 😀"}
    assert seen["usage"] == {"completion_tokens": 1}
    assert seen["timings"]["total"] >= seen["timings"]["queue"] >= 0
    assert "error" not in seen


def test_a_failed_job_shows_its_error(client: httpx.Client, assistant: UUID, hands: Hands) -> None:
    receipt = submit(client)
    hands.fail(
        hands.take(assistant), PromptTooLong("900 tokens, 512 fit", field="input", remedy="Shorten it.")
    )
    seen = client.get(f"/v1/jobs/{receipt['id']}").json()
    assert seen["state"] == "failed"
    assert seen["error"] == {
        "code": "prompt_too_long",
        "detail": "900 tokens, 512 fit",
        "field": "input",
        "remedy": "Shorten it.",
    }
    assert "output" not in seen


def test_a_long_poll_wakes_at_once(
    client: httpx.Client, served: Served, assistant: UUID, hands: Hands
) -> None:
    receipt = submit(client)
    job = hands.take(assistant)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.get, f"/v1/jobs/{receipt['id']}?wait=30")
        until(lambda: served.watchers == 1)
        hands.say(job, 0, "text rings no bell of a long poll")
        assert not waiting.done()
        began = monotonic()
        hands.finish(job, {"text": "yes"})
        assert waiting.result().json()["output"] == {"text": "yes"}
        assert monotonic() - began < 0.5
    until(lambda: served.watchers == 0)


def test_a_long_poll_finds_the_row_when_the_notice_is_lost(
    client: httpx.Client, served: Served, assistant: UUID, hands: Hands
) -> None:
    receipt = submit(client)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.get, f"/v1/jobs/{receipt['id']}?wait=1.5")
        until(lambda: served.watchers == 1)
        hands.finish(hands.take(assistant), {"text": "yes"}, tell=False)
        assert waiting.result().json()["state"] == "succeeded"


def test_a_lost_subscription_wakes_who_waits(
    client: httpx.Client, served: Served, assistant: UUID, hands: Hands, redis: Redis
) -> None:
    receipt = submit(client)
    with ThreadPoolExecutor() as pool:
        began = monotonic()
        waiting = pool.submit(client.get, f"/v1/jobs/{receipt['id']}?wait=30")
        until(lambda: served.watchers == 1)
        hands.finish(hands.take(assistant), {"text": "yes"}, tell=False)
        redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        assert waiting.result().json()["state"] == "succeeded"
        assert monotonic() - began < 5


def test_a_wait_that_is_over_shows_the_job_as_it_is(client: httpx.Client, assistant: UUID) -> None:
    receipt = submit(client)
    began = monotonic()
    assert client.get(f"/v1/jobs/{receipt['id']}?wait=0.3").json()["state"] == "queued"
    assert 0.3 <= monotonic() - began < 3


def test_cancel_in_every_state(client: httpx.Client, assistant: UUID, hands: Hands, redis: Redis) -> None:
    with redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(stream.CANCEL, stream.ENDED)

        queued = submit(client)["id"]
        seen = client.post(f"/v1/jobs/{queued}/cancel").json()
        assert (seen["state"], seen["started_at"]) == ("cancelled", None)

        running = submit(client)["id"]
        hands.take(assistant)
        assert client.post(f"/v1/jobs/{running}/cancel").json()["state"] == "cancelled"
        again = client.post(f"/v1/jobs/{running}/cancel")
        assert (again.status_code, again.json()["state"]) == (200, "cancelled")

        done = submit(client)["id"]
        hands.finish(hands.take(assistant), {"text": "yes"}, tell=False)
        assert client.post(f"/v1/jobs/{done}/cancel").json()["output"] == {"text": "yes"}

        failed = submit(client)["id"]
        with hands.database.transaction() as session:
            job = session.get_one(Job, UUID(failed))
            job.state, job.finished_at = "failed", func.now()
        assert client.post(f"/v1/jobs/{failed}/cancel").json()["state"] == "failed"

        told: list[tuple[str, str]] = []
        while len(told) < 4 and (more := notices(heard)):
            told += more
        assert told == [
            (stream.CANCEL, queued),
            (stream.ENDED, queued),
            (stream.CANCEL, running),
            (stream.ENDED, running),
        ]
        assert notices(heard) == []
    assert client.post(f"/v1/jobs/{uuid4()}/cancel").json()["code"] == "unknown_job"


def test_a_full_queue_says_when_to_come_again(client: httpx.Client, database: Database) -> None:
    produce(database, "small", Task.TEXT_GENERATION, policy={"queue_bound": 2})
    codes = [client.post("/v1/jobs", json={"deployment": "small", "input": "x"}) for _ in range(3)]
    assert [answer.status_code for answer in codes] == [202, 202, 429]
    assert codes[2].json()["code"] == "queue_full"
    assert 1 <= int(codes[2].headers["retry-after"]) <= 60


def test_a_deployment_without_a_version_is_not_ready(client: httpx.Client, database: Database) -> None:
    produce(database, "early", Task.TEXT_GENERATION, ready=False)
    answer = client.post("/v1/jobs", json={"deployment": "early", "input": "x"})
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.headers["retry-after"] == "5"


def test_one_key_one_job(client: httpx.Client, assistant: UUID, hands: Hands) -> None:
    headers = {"Idempotency-Key": "order-17"}
    first = client.post("/v1/jobs", json=ASK, headers=headers)
    again = client.post("/v1/jobs", json=ASK, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    hands.finish(hands.take(assistant), {"text": "yes"})
    late = client.post("/v1/jobs", json=ASK, headers=headers)
    assert (late.status_code, late.json()["state"], late.json()["position"]) == (202, "succeeded", None)


def test_twenty_at_once_with_one_key_make_one_job(
    client: httpx.Client, assistant: UUID, database: Database
) -> None:
    def post(_: int) -> httpx.Response:
        return client.post("/v1/jobs", json=ASK, headers={"Idempotency-Key": "race"})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    with database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1


def test_a_tenant_sees_its_own_rows_only(
    client: httpx.Client, stranger: httpx.Client, assistant: UUID
) -> None:
    mine = client.post("/v1/jobs", json=ASK, headers={"Idempotency-Key": "same"}).json()["id"]
    theirs = stranger.post("/v1/jobs", json=ASK, headers={"Idempotency-Key": "same"}).json()["id"]
    assert mine != theirs
    for answer in (
        stranger.get(f"/v1/jobs/{mine}"),
        stranger.get(f"/v1/jobs/{mine}/events"),
        stranger.post(f"/v1/jobs/{mine}/cancel"),
        stranger.post("/v1/jobs/results", json={"ids": [theirs, mine]}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")
    assert client.get(f"/v1/jobs/{mine}").json()["state"] == "queued"


def test_a_key_without_the_scope_is_refused(
    served: Served, stranger: httpx.Client, database: Database, assistant: UUID
) -> None:
    answer = stranger.put("/v1/deployments/mine", json={"task": "fill-mask"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    with database.transaction() as session:
        key = make_key(session, "default", name="admin only", scopes=[ADMIN], actor="test")
    answer = httpx.post(f"{served.url}/v1/jobs", json=ASK, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
