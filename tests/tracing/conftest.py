"""A collector, and settings of processes that send it their spans."""

from collections.abc import Iterator

import httpx
import pytest

from mainspring.settings import Settings
from tests.api.serving import Served
from tests.tracing.collector import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.release.set()
    running.shutdown()


@pytest.fixture
def traced(settings: Settings, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")  # milliseconds between two sendings
    return settings.model_copy(update={"otlp_endpoint": collector.url, "webhooks_to_private_addresses": True})


@pytest.fixture
def client(traced: Settings, key: str) -> Iterator[httpx.Client]:
    """Of an api that traces."""
    headers = {"Authorization": f"Bearer {key}"}
    with Served(traced) as served, httpx.Client(base_url=served.url, headers=headers, timeout=90) as opened:
        yield opened
