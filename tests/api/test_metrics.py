"""What the api shows to Prometheus, to whom, and that it stays bounded."""

import contextlib
import socket
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from redis import Redis

from mainspring.metrics.labels import OTHER, Bounded, Labels
from mainspring.metrics.loopback import on_loopback
from mainspring.metrics.versions import families, known
from mainspring.settings import Settings
from mainspring.tables import Database, Task
from tests.api.rolling import another, begin
from tests.api.serving import Hands, Served, produce, until
from tests.api.test_refreshes import through, wound
from tests.api.winding import Trainer
from tests.scraping import addresses, look, of, read


def submit(client: httpx.Client, **more: object) -> str:
    answer = client.post("/v1/jobs", json={"deployment": "assistant", "input": "Tell the time.", **more})
    return str(answer.raise_for_status().json()["id"])


def test_what_waits_and_runs(
    served: Served, client: httpx.Client, hands: Hands, assistant: UUID, redis: Redis
) -> None:
    for priority in ("high", "low", "low"):
        submit(client, priority=priority)
    hands.take(assistant)
    shown = look(served.url)
    one = {"deployment": "assistant", "version": "assistant@1"}
    assert of(shown, "num_requests_waiting", **one) == 2
    assert of(shown, "num_requests_running", **one) == 1
    assert of(shown, "queue_oldest_seconds", **one, priority="high") == 0
    assert 0 < of(shown, "queue_oldest_seconds", **one, priority="low") < 60
    assert of(shown, "queue_bound", deployment="assistant") == 10_000
    assert of(shown, "version_stage", **one, stage="production") == 1
    assert of(shown, "workers", role="infer", environment="all", state="live") == 1
    assert of(shown, "rollouts_total", deployment="assistant", state="rolled_back") == 0
    assert of(shown, "database_up") == of(shown, "redis_up") == 1
    assert 0 < of(shown, "redis_memory_bytes") < of(shown, "redis_memory_limit_bytes")


@pytest.mark.usefixtures("assistant")
def test_a_refresh_that_waits_for_a_word(served: Served, client: httpx.Client, database: Database) -> None:
    wound(client, approval=True)
    client.post("/v1/deployments/assistant/refreshes", json={"reason": "asked for"}).raise_for_status()
    through(database, Trainer(database))
    shown = look(served.url)
    mine = {"deployment": "assistant"}
    assert of(shown, "refreshes", **mine, state="waiting") == 1
    assert of(shown, "refreshes", **mine, state="training") == 0
    assert 0 <= of(shown, "refresh_state_seconds", **mine, state="waiting") < 60
    assert of(shown, "refreshes_ended_total", **mine, state="parked") == 0
    assert of(shown, "verdict", **mine, decision="accept") == 1
    assert of(shown, "verdict_metric", **mine, metric="likelihood.new", side="challenger") == -1
    assert of(shown, "verdict_difference", **mine, metric="likelihood.new", end="low") == 1.99
    assert of(shown, "datasets_ended_total", **mine, state="succeeded") == 1
    assert of(shown, "evaluations_ended_total", **mine, state="succeeded") == 1
    assert of(shown, "dataset_rows", **mine, split="held_out") == 20


def test_a_rollout_and_a_worker_that_died(
    served: Served, client: httpx.Client, hands: Hands, database: Database
) -> None:
    produce(database, "assistant", Task.TEXT_GENERATION)
    another(database)
    begin(client)
    hands.die()
    shown = look(served.url)
    two = {"deployment": "assistant", "version": "assistant@2"}
    assert of(shown, "rollout_state", **two, state="loading") == 1
    assert of(shown, "rollout_state", **two, state="canary") == 0
    assert of(shown, "rollout_share", **two, part="challenger") == 0
    assert of(shown, "rollout_share", deployment="assistant", version="assistant@1", part="champion") == 1
    assert of(shown, "workers", role="infer", environment="all", state="lost") == 1
    assert of(shown, "workers", role="infer", environment="all", state="live") == 0


def test_requests_are_counted_by_route_and_never_by_path(
    served: Served, client: httpx.Client, assistant: UUID
) -> None:
    job = submit(client)
    for _ in range(3):
        client.get(f"/v1/jobs/{job}")
    client.get(f"/v1/{'secret' * 3}")
    client.request("SHOUT", "/v1/jobs")
    text = httpx.get(f"{served.url}/metrics").text
    shown = read(text)
    assert of(shown, "http_requests_total", method="GET", route="/v1/jobs/{job_id}", status="200") == 3
    assert of(shown, "http_requests_total", method="POST", route="/v1/jobs", status="202") == 1
    assert of(shown, "http_requests_total", method="GET", route="unmatched", status="404") == 1
    duration = "http_request_duration_seconds_count"
    assert of(shown, duration, method="GET", route="/v1/jobs/{job_id}") == 3
    assert not any(word in text for word in (job, "secret", "SHOUT", "Tell the time"))


def test_a_key_is_needed_from_elsewhere(settings: Settings, key: str, database: Database) -> None:
    with Served(settings) as served:
        proxied = {"X-Forwarded-For": "192.0.2.7"}
        for path in ("/metrics", "/metrics/targets"):
            refused = httpx.get(f"{served.url}{path}", headers=proxied)
            assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
            assert refused.headers["content-type"] == "application/problem+json"
            wrong = httpx.get(f"{served.url}{path}", headers={**proxied, "Authorization": "Bearer ms_a_b"})
            assert wrong.status_code == 401
            let_in = httpx.get(f"{served.url}{path}", headers={**proxied, "Authorization": f"Bearer {key}"})
            assert let_in.status_code == 200


def test_a_key_for_metrics_alone(served: Served, client: httpx.Client, assistant: UUID) -> None:
    made = client.post("/v1/keys", json={"name": "prometheus", "scopes": ["metrics"], "tenant": "monitoring"})
    theirs = {"Authorization": f"Bearer {made.json()['key']}"}
    assert look(served.url, **theirs, Via="1.1 front")
    asked = {"deployment": "assistant", "input": "x"}
    refused = httpx.post(f"{served.url}/v1/jobs", json=asked, headers=theirs)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("peer", "headers", "local"),
    [
        ("127.0.0.1", {}, True),
        ("127.8.9.1", {}, True),
        ("::1", {}, True),
        ("::ffff:127.0.0.1", {}, True),
        ("::ffff:192.0.2.7", {}, False),
        ("192.0.2.7", {}, False),
        ("127.0.0.1", {"via": "1.1 front"}, False),
        ("127.0.0.1", {"forwarded": "for=192.0.2.7"}, False),
        ("", {}, False),
        (None, {}, False),
    ],
)
def test_who_asks_on_this_machine(peer: str | None, headers: dict[str, str], *, local: bool) -> None:
    assert on_loopback(peer, headers.get) is local


def test_each_process_has_a_door_of_its_own(settings: Settings, key: str) -> None:
    """Two processes of one api: neither hides what the other has counted."""
    with Served(settings) as one, Served(settings) as two:
        for _ in range(2):
            httpx.get(f"{one.url}/v1/jobs")
        httpx.get(f"{two.url}/v1/jobs")
        until(lambda: len(addresses(one.url, "api")) == 2)
        asked = {"method": "GET", "route": "/v1/jobs", "status": "401"}
        counted = [
            of(look(f"http://{at}"), "http_requests_total", **asked) for at in addresses(one.url, "api")
        ]
        assert sorted(counted) == [1, 2]
        assert httpx.get(f"http://{addresses(one.url, 'api')[0]}/elsewhere").status_code == 404
    with Served(settings) as again:
        until(lambda: len(addresses(again.url, "api")) == 1)  # the others have taken their leave


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """An address of this machine that is not its loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # nothing is sent
        yield probe.getsockname()[0]
        return
    pytest.skip("this machine has no address but loopback")


def test_a_door_that_is_open_to_others_wants_a_key(settings: Settings, key: str, elsewhere: str) -> None:
    wide = settings.model_copy(update={"metrics_host": "0.0.0.0", "metrics_name": elsewhere})
    with Served(wide) as served:
        until(lambda: len(addresses(served.url, "api")) == 1)
        (address,) = addresses(served.url, "api")
        assert address.startswith(elsewhere)
        refused = httpx.get(f"http://{address}/metrics")
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
        assert look(f"http://{address}", Authorization=f"Bearer {key}")
        assert look(f"http://127.0.0.1:{address.rpartition(':')[2]}")


def test_a_port_that_is_taken_hides_nothing(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Served(settings.model_copy(update={"metrics_port": port})) as served:
            until(lambda: len(addresses(served.url, "api")) == 1)
            assert look(f"http://{addresses(served.url, 'api')[0]}")


def test_more_versions_than_there_is_room_for_are_other(database: Database) -> None:
    for name in ("one", "two", "three"):
        produce(database, name, Task.TEXT_GENERATION)
    with database.begin() as connection:
        living = known(connection, most=1)
        staged, _ = families(connection, living)
    told = {sample.labels["version"]: sample.value for sample in staged.samples}
    assert told == {"three@1": 1, "other": 2}


def test_room_that_was_given_back_is_taken_again() -> None:
    bounded = Bounded(OTHER, 2)
    first, second, third = (Labels("a", f"a@{number}") for number in (1, 2, 3))
    assert [bounded(one) for one in (first, second, third, first)] == [first, second, OTHER, first]
    bounded.forget(second)
    assert [bounded(one) for one in (third, second)] == [third, OTHER]
