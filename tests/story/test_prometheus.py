"""A real Prometheus looks at the running stack: it finds every process, accepts what it is shown, and answers each
query of the dashboard."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from tests.contract.models import encoder, save, word_piece
from tests.faults.stack import Stack
from tests.prometheus.binaries import Binaries
from tests.prometheus.server import DEPLOY, Prometheus

ROLES = {"api", "infer", "ops"}
CHOSEN = {"$deployment": ".*", "$version": ".*", "$__rate_interval": "10s"}
SLOWLY = {"rollout": {"steps": [0.5], "dwell_seconds": 3600, "samples": 1000}}


def expressions() -> list[str]:
    """Of the dashboard as Grafana would send them."""
    panels = json.loads((DEPLOY / "grafana" / "dashboards" / "mainspring.json").read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    for variable, value in CHOSEN.items():
        found = [expression.replace(variable, value) for expression in found]
    return found


@pytest.fixture
def busy(stack: Stack, tmp_path: Path) -> Iterator[None]:
    """An open rollout, jobs for an encoder and for a model that writes, and now and then one that is too late."""
    model = save(encoder("text-classification"), word_piece(), tmp_path / "model")
    with stack.client() as api:
        policy = {"task": "text-classification", "policy": SLOWLY}
        api.request("PUT", "/v1/deployments/watched", json=policy)
        for _ in range(2):
            stack.deploy("watched", model, "text-classification")
        enough = Event()

        def ask() -> None:
            while not enough.is_set():
                jobs = [
                    api.submit("assistant", "The for statement is", max_tokens=8),
                    api.submit("watched", "x"),
                ]
                for job in jobs:
                    api.result(job["id"])
                time.sleep(0.05)

        asking = Thread(target=ask, daemon=True)
        asking.start()
        try:
            yield
        finally:
            enough.set()
            asking.join(30)
            api.request("DELETE", "/v1/deployments/watched")


@pytest.fixture
def watching(stack: Stack, busy: None, prometheus: Binaries, tmp_path: Path) -> Iterator[Prometheus]:
    with Prometheus(prometheus, tmp_path, stack.settings.port) as running:
        yield running


def test_the_stack_as_prometheus_sees_it(stack: Stack, watching: Prometheus, prometheus: Binaries) -> None:
    watching.until(f"count(count by (role) (up == 1)) == {len(ROLES)} + 1")  # the rows' have no role
    found = {target["labels"].get("role"): target for target in watching.targets()}
    assert set(found) == ROLES | {None}
    for target in found.values():
        assert target["health"] == "up", target
        accepted(prometheus, httpx.get(target["scrapeUrl"]).text)
    for expression in expressions():
        watching.until(f"({expression}) == ({expression})", seconds=20)  # NaN is not equal to itself
    counted = watching.query('sum(mainspring_request_success_total{deployment="watched"})')
    assert float(counted[0]["value"][1]) > 0
    away = (
        'ALERTS{alertname=~"Mainspring(.*Away|NoLiveWorker|NothingSweeps|WorkersDie)", alertstate="firing"}'
    )
    assert watching.query(away) == []


def accepted(prometheus: Binaries, shown: str) -> None:
    done = subprocess.run(
        [prometheus.promtool, "check", "metrics"], input=shown, capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
