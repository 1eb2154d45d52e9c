"""A real api and a real worker of the engine that takes its time."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture

from mainspring.client import Client
from mainspring.settings import Settings
from mainspring.tables import Database, Task
from tests.api.serving import Served, produce, until
from tests.workers.holding import Store
from tests.workers.receiving import Receiver
from workers import holder

ROOT = Path(__file__).parents[2]
WORKER = "-A tests.workers.slow_worker worker -P threads -c 16 -Q infer --without-gossip --without-mingle"


@pytest.fixture
def api(settings: Settings, database: Database, key: str, tmp_path: Path) -> Iterator[Client]:
    """With a worker that holds `assistant@1`."""
    produce(database, "assistant", Task.TEXT_GENERATION)
    with (
        Served(settings) as served,
        Client(served.url, key) as api,
        (tmp_path / "worker.log").open("wb") as log,
    ):
        command = [sys.executable, "-m", "celery", *WORKER.split()]
        worker = subprocess.Popen(
            command, env=settings.as_environment(), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            until(lambda: _is_held(api), 60)
            yield api
        finally:
            worker.terminate()
            worker.wait(60)


@pytest.fixture
def store(database: Database, settings: Settings) -> Iterator[Store]:
    made = Store(database, settings)
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.release.set()
    running.shutdown()


@pytest.fixture
def open_to_all(settings: Settings) -> Settings:
    """A postman's, for receivers of this machine."""
    return settings.model_copy(update={"webhooks_to_private_addresses": True})


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    """What a holder logs."""
    captured = LogCapture()
    monkeypatch.setattr(holder, "log", structlog.wrap_logger(None, processors=[captured]))
    return captured


def _is_held(api: Client) -> bool:
    return any(one["state"] == "ready" for one in api.request("GET", "/v1/deployments/assistant")["workers"])
