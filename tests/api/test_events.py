"""Server-sent events: whatever is cut, lost or void on the way, the tokens joined equal the stored output."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

import httpx
import pytest
from redis import Redis
from sqlalchemy import text

from api.routes import events
from mainspring.serving.stream import text_key
from mainspring.tables import Database, Task
from tests.api.reader import Reader, parse
from tests.api.serving import Hands, Served, produce, until

TEXT = "The sky is blue since short waves are scattered most — 散乱 🌤 — and red ones least.\n" * 3


def pieces(whole: str) -> Iterator[tuple[int, str]]:
    choose, offset = random.Random(7), 0
    while offset < len(whole):
        size = choose.randint(1, 5)
        yield offset, whole[offset : offset + size]
        offset += size


@pytest.fixture
def job_id(client: httpx.Client, assistant: UUID) -> str:
    return str(client.post("/v1/jobs", json={"deployment": "assistant", "input": "Why?"}).json()["id"])


@pytest.fixture
def reader(client: httpx.Client, job_id: str) -> Reader:
    return Reader(client, job_id)


Follow = Callable[[Reader], Future[str]]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    opened = ThreadPoolExecutor()
    yield opened
    opened.shutdown(wait=False)  # who still reads hears the end when the api goes, after this


@pytest.fixture
def follow(pool: ThreadPoolExecutor, served: Served) -> Follow:
    """Begin to read, in a thread; returns when the first event has come."""

    def begin(reader: Reader) -> Future[str]:
        reading = pool.submit(reader.read)
        until(lambda: served.watchers == 1 and reader.events)
        return reading

    return begin


def test_a_reader_hears_it_all_as_it_happens(
    served: Served, reader: Reader, follow: Follow, hands: Hands, assistant: UUID
) -> None:
    reading = follow(reader)
    job = hands.take(assistant)
    hands.say(job, 0, TEXT[:10])
    until(lambda: reader.text == TEXT[:10])
    for offset, said in pieces(TEXT[10:]):
        hands.say(job, 10 + offset, said)
    until(lambda: reader.text == TEXT)
    assert "done" not in reader.names
    hands.finish(job, {"text": TEXT, "finish_reason": "stop"})
    assert reading.result(5) == TEXT
    assert [(name, event_id) for name, event_id, _ in reader.events[:3]] == [
        ("state", "0.0"),
        ("state", "1.0"),
        ("token", "1.10"),
    ]
    assert reader.events[0][2] == {"state": "queued", "attempt": 0, "version": "assistant@1"}
    assert reader.last == "1.end"
    assert reader.done == reader.client.get(f"/v1/jobs/{reader.job_id}").json()
    until(lambda: served.watchers == 0)


def test_cut_ten_times_and_the_api_restarted(
    served: Served, reader: Reader, pool: ThreadPoolExecutor, hands: Hands, assistant: UUID
) -> None:
    job = hands.take(assistant)
    choose = random.Random(3)

    def speak() -> None:
        for offset, said in pieces(TEXT):
            until(lambda offset=offset: len(reader.text) >= offset - 12)
            hands.say(job, offset, said)
        hands.finish(job, {"text": TEXT})

    speaking = pool.submit(speak)
    for cut in range(10):
        reader.read(cut_after=choose.randint(1, len(TEXT) // 12))
        if cut == 5:
            served.restart()
    assert reader.read() == TEXT
    speaking.result()
    assert reader.done["output"]["text"] == TEXT


@pytest.mark.parametrize("seed", range(3))
def test_cut_after_the_end(reader: Reader, hands: Hands, assistant: UUID, seed: int, redis: Redis) -> None:
    job = hands.take(assistant)
    for offset, said in pieces(TEXT[:100]):
        hands.say(job, offset, said)
    cut = random.Random(seed).randint(1, 99)
    reader.read(cut_after=cut)
    hands.finish(job, {"text": TEXT})
    redis.flushall()
    assert reader.read() == TEXT


def test_the_stream_is_lost_in_the_middle(
    reader: Reader, follow: Follow, hands: Hands, assistant: UUID, redis: Redis
) -> None:
    reading = follow(reader)
    job = hands.take(assistant)
    hands.say(job, 0, TEXT[:50])
    until(lambda: reader.text == TEXT[:50])
    key = text_key(str(job.job_id))
    ((begun, _),) = redis.xrange(key)
    redis.delete(key)
    # Redis names entries by the millisecond, a stream that begins anew from its first one on.
    until(lambda: now_of(redis) > int(begun.partition(b"-")[0]))
    hands.say(job, 50, TEXT[50:60])
    until(lambda: reader.text == TEXT[:60])
    hands.say(job, 70, TEXT[70:80])  # what lay between never came
    hands.say(job, 80, TEXT[80:90])
    hands.finish(job, {"text": TEXT})
    assert reading.result(5) == TEXT
    assert [data["offset"] for name, _, data in reader.events if name == "token"][-1] == 60


def now_of(redis: Redis) -> int:
    """Milliseconds."""
    seconds, micros = redis.time()
    return int(seconds * 1000 + micros // 1000)


def test_entries_that_overlap_or_come_twice(
    reader: Reader, follow: Follow, hands: Hands, assistant: UUID
) -> None:
    reading = follow(reader)
    job = hands.take(assistant)
    for start, end in ((0, 20), (0, 20), (10, 30), (5, 12), (30, len(TEXT))):
        hands.say(job, start, TEXT[start:end])
    hands.finish(job, {"text": TEXT})
    assert reading.result(5) == TEXT


def test_a_new_attempt_voids_what_was_said(
    reader: Reader, follow: Follow, hands: Hands, assistant: UUID
) -> None:
    reading = follow(reader)
    first = hands.take(assistant)
    hands.say(first, 0, "An answer that nobody will keep")
    until(lambda: reader.text.endswith("keep"))
    hands.die()
    second_life = Hands(hands.database, hands.redis)
    second = second_life.take(assistant)
    second_life.say(second, 0, TEXT[:9])
    hands.say(first, 31, " but it goes on")
    until(lambda: reader.text == TEXT[:9])
    second_life.finish(second, {"text": TEXT})
    assert reading.result(5) == TEXT
    begun = [event for event in reader.events if event[2].get("discard")]
    assert [(name, event_id, data["attempt"]) for name, event_id, data in begun] == [("state", "2.0", 2)]
    assert reader.done["attempt"] == 2


def test_a_resume_into_a_later_attempt(
    reader: Reader, hands: Hands, assistant: UUID, database: Database, redis: Redis
) -> None:
    hands.say(hands.take(assistant), 0, "An answer that nobody will keep")
    reader.read(cut_after=31)
    hands.die()
    second_life = Hands(database, redis)
    second_life.finish(second_life.take(assistant), {"text": TEXT})
    assert reader.read() == TEXT


def test_everything_in_redis_is_lost_under_a_reader(
    reader: Reader, follow: Follow, hands: Hands, assistant: UUID, redis: Redis
) -> None:
    reading = follow(reader)
    job = hands.take(assistant)
    hands.say(job, 0, TEXT[:50])
    until(lambda: reader.text == TEXT[:50])
    redis.flushall()
    hands.finish(job, {"text": TEXT}, tell=False)
    redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    assert reading.result(10) == TEXT


def test_a_task_without_text_has_states_and_an_end(
    client: httpx.Client, database: Database, hands: Hands, follow: Follow
) -> None:
    version = produce(database, "triage", Task.TEXT_CLASSIFICATION)
    receipt = client.post("/v1/jobs", json={"deployment": "triage", "input": "x"}).json()
    reader = Reader(client, receipt["id"])
    reading = follow(reader)
    hands.finish(hands.take(version), [{"label": "language", "score": 0.9}])
    reading.result(5)
    assert reader.names[0] == "state"
    assert "token" not in reader.names
    assert reader.done["output"] == [{"label": "language", "score": 0.9}]


def test_a_cancelled_job_ends_its_streams(reader: Reader, follow: Follow, client: httpx.Client) -> None:
    reading = follow(reader)
    client.post(f"/v1/jobs/{reader.job_id}/cancel")
    reading.result(5)
    assert reader.done["state"] == "cancelled"
    assert reader.last == "0.end"


def test_who_has_had_everything_is_told_so(
    reader: Reader, client: httpx.Client, hands: Hands, assistant: UUID
) -> None:
    hands.finish(hands.take(assistant), {"text": TEXT})
    reader.read()
    address = f"/v1/jobs/{reader.job_id}/events"
    assert client.get(address, headers={"Last-Event-ID": "1.end"}).status_code == 204
    assert client.get(address, params={"last_event_id": "1.end"}).status_code == 204
    answer = client.get(address, params={"last_event_id": f"1.{len(TEXT) - 4}"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    tokens = [data["text"] for name, _, data in parse(answer.iter_lines()) if name == "token"]
    assert tokens == [TEXT[-4:]]


@pytest.mark.parametrize(
    "given", ["x", "1", "1.2.3", "-1.0", "1.-2", "1.e", "9.0", "1.9999", "0.end", "\u0661.\u0662"]
)
def test_an_impossible_event_id_is_refused(
    reader: Reader, client: httpx.Client, hands: Hands, assistant: UUID, given: str
) -> None:
    job = hands.take(assistant)
    if given == "1.9999":
        hands.finish(job, {"text": TEXT})
    answer = client.get(f"/v1/jobs/{reader.job_id}/events", params={"last_event_id": given})
    assert (answer.status_code, answer.json()["field"]) == (422, "Last-Event-ID")
    assert answer.json()["remedy"]


def test_a_lost_notice_is_made_good_by_looking(
    reader: Reader, follow: Follow, hands: Hands, assistant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "KEEPALIVE_SECONDS", 0.3)
    reading = follow(reader)
    hands.finish(hands.take(assistant), {"text": TEXT}, tell=False)
    assert reading.result(5) == TEXT


def test_the_database_restarts_under_a_reader(
    reader: Reader, follow: Follow, hands: Hands, assistant: UUID, database: Database
) -> None:
    reading = follow(reader)
    job = hands.take(assistant)
    with database.transaction() as session:
        session.execute(
            text("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()")
        )
    hands.finish(job, {"text": TEXT})
    assert reading.result(5) == TEXT


def test_a_reader_who_leaves_leaves_nothing_behind(served: Served, client: httpx.Client, job_id: str) -> None:
    for _ in range(3):
        with client.stream("GET", f"/v1/jobs/{job_id}/events") as answer:
            lines = answer.iter_lines()  # kept: an iterator that is dropped closes the connection
            next(lines)
            until(lambda: served.watchers == 1)
        until(lambda: served.watchers == 0, seconds=2)
