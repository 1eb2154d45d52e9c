"""A round of the mirror in an ops worker: an MLflow that is away, or no MLflow, is no trouble of anybody's."""

import pytest
import structlog
from redis import Redis
from structlog.testing import LogCapture

from mainspring.messages import OPS_QUEUE
from mainspring.settings import Settings
from mainspring.tables import Database
from tests.api.serving import Served
from tests.core.local_running import free_port
from tests.living import Life
from tests.workers.rounds import connections
from workers import mirroring
from workers.app import create_app
from workers.mirroring import mirror_once
from workers.postman import Postman


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    captured = LogCapture()
    monkeypatch.setattr(mirroring, "log", structlog.wrap_logger(None, processors=[captured]))
    return captured


def once(settings: Settings, database: Database, redis: Redis, url: str) -> None:
    given = settings.model_copy(update={"mlflow_url": url})
    postman = Postman(given, database)
    mirror_once(create_app(given, OPS_QUEUE, []), connections(given, database, redis, postman))
    postman.close()


def test_it_is_said_and_nothing_is_raised(
    settings: Settings, database: Database, redis: Redis, said: LogCapture
) -> None:
    Life(database)
    once(settings, database, redis, f"http://127.0.0.1:{free_port()}")
    with Served(settings) as api:  # which is no MLflow
        once(settings, database, redis, api.url)
    assert [entry["event"] for entry in said.entries] == ["mirror.away", "mirror.refused"]
