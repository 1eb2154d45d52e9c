"""Flower shows tasks to who has its password, and nothing starts without one."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import yaml

from mainspring.messages import Sweep
from mainspring.settings import Settings
from tests.api.serving import until
from tests.faults.stack import free_port
from tests.story.test_readme import ROOT
from workers.app import create_app, send

OPS = ["worker", "-P", "threads", "-c", "2", "-Q", "ops", "--without-gossip", "--without-mingle"]
KNOWN = ("flower", "a secret: of two parts")


@pytest.fixture
def flower(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """The address of one that looks at an ops worker."""
    watched, port = settings.model_copy(update={"task_events": True}), free_port()
    environment = {**watched.as_environment(), "FLOWER_BASIC_AUTH": ":".join(KNOWN)}
    flags = ["--address=127.0.0.1", f"--port={port}"]
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "log").open("wb"))
        for command in (OPS, ["flower", *flags]):
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "workers.ops", *command],
                env=environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url), 60)
        yield url


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthcheck").is_success
    except httpx.TransportError:
        time.sleep(0.1)
        return False


def test_it_shows_tasks_to_those_whom_it_knows(settings: Settings, flower: str) -> None:
    for path in ("/", "/tasks", "/broker", "/api/tasks", "/api/workers"):
        assert httpx.get(f"{flower}{path}").status_code == 401
        assert httpx.get(f"{flower}{path}", auth=("flower", "guessed")).status_code == 401
    app = create_app(settings, "ops", [])

    def seen() -> bool:
        send(app, Sweep())
        time.sleep(0.3)
        tasks = httpx.get(f"{flower}/api/tasks", auth=KNOWN).raise_for_status().json()
        return any((one["name"], one["state"]) == (Sweep.name, "SUCCESS") for one in tasks.values())

    until(seen, 30)


@pytest.mark.parametrize(
    ("service", "part", "named"),
    [("flower", "command", "FLOWER_PASSWORD"), ("grafana", "entrypoint", "GRAFANA_PASSWORD")],
)
def test_nothing_starts_without_a_password(service: str, part: str, named: str) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"][service]
    command = [word.replace("$$", "$") for word in compose[part]]
    empty = {"PATH": os.environ["PATH"], "FLOWER_PASSWORD": "", "GF_SECURITY_ADMIN_PASSWORD": ""}
    done = subprocess.run(command, env=empty, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert named in done.stderr
