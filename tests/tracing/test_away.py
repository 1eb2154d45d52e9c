"""A collector that is away, or takes its time: jobs don't notice, and what it misses is counted."""

from time import monotonic

import httpx
import pytest

from mainspring.settings import Settings
from mainspring.tables import Database
from mainspring.tracing import Road, opened
from mainspring.tracing.exporting import CLOSE_SECONDS, MOST_WAITING
from tests.api.serving import Served, until
from tests.faults.stack import free_port
from tests.rows import champion
from tests.tracing.collector import Collector

BODY = {"deployment": "assistant", "input": "x"}


def accept(road: Road, times: int) -> None:
    for _ in range(times):
        with road.accepting({}):
            pass


def test_jobs_are_accepted_as_ever(traced: Settings, database: Database, key: str) -> None:
    with database.transaction() as session:
        champion(session)
    nowhere = traced.model_copy(update={"otlp_endpoint": f"http://127.0.0.1:{free_port()}"})
    headers = {"Authorization": f"Bearer {key}"}
    with Served(nowhere) as served, httpx.Client(base_url=served.url, headers=headers) as client:
        road = served.app.state.backends.road
        for _ in range(20):
            assert client.post("/v1/jobs", json=BODY).status_code == 202
        begin = monotonic()
    assert monotonic() - begin < CLOSE_SECONDS + 10
    assert road.lost == 40  # of each the request and the accepting


def test_a_queue_that_is_full_takes_no_more(traced: Settings, collector: Collector) -> None:
    collector.held.set()
    road = opened(traced, "api")
    begin = monotonic()
    accept(road, MOST_WAITING + 300)
    assert monotonic() - begin < 5
    assert road.lost == 300
    collector.held.clear()
    collector.release.set()
    until(lambda: len(collector.spans) == MOST_WAITING)
    accept(road, 10)
    road.close()
    assert road.lost == 300
    assert len(collector.spans) == MOST_WAITING + 10


def test_what_is_lost_is_said_now_and_then(
    traced: Settings,
    collector: Collector,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    collector.status = 400
    road = opened(traced, "api")
    for times in (1, 2):
        accept(road, 5)
        until(lambda lost=5 * times: road.lost == lost)
    assert capfd.readouterr().out.count("traces.lost") == 1
    accept(road, 5)
    road.close()
    assert road.lost == 15
    assert "spans=15" in capfd.readouterr().out
    assert caplog.records == []  # of the SDK, which would say more, and at each try
