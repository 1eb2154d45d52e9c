"""Off, which it is by default, and asked for without what it needs."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from mainspring.settings import Settings
from mainspring.tables import Database
from mainspring.tracing import UNTRACED, opened
from tests.api.serving import Served
from tests.rows import champion

ROOT = Path(__file__).parents[2]
THEIRS = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=1"}
PROCESSES = """
import sys
import redis, redis.asyncio  # which looks for it, for metrics of its own

def those():
    return {name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))}

before = those()
import workers.infer, workers.ops, workers.postman, workers.runtime
from mainspring.settings import Settings
from mainspring.tracing import opened
opened(Settings(), "infer").close()
from api.app import create
create(Settings())
print(*sorted(those() - before))
"""
WITHOUT_SDK = """
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("opentelemetry.sdk"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
"""


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": f"{folder}:{ROOT}",
        "MAINSPRING_HOME": str(folder / "home"),
    }
    return subprocess.run(
        [sys.executable, *command],
        env=clean | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_nothing_of_it_is_imported(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", PROCESSES)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_a_caller_s_context_leaves_no_trace(settings: Settings, database: Database, key: str) -> None:
    assert settings.otlp_endpoint == ""
    assert opened(settings, "api") is UNTRACED
    with database.transaction() as session:
        champion(session)
    line = '{"deployment": "assistant", "input": "x"}'
    with Served(settings) as served:
        for path in ("/v1/jobs", "/v1/jobs/bulk"):
            headers = {"Authorization": f"Bearer {key}", **THEIRS}
            httpx.post(f"{served.url}{path}", content=line, headers=headers).raise_for_status()
    with database.begin() as connection:
        found = "select count(*), count(traceparent), count(tracestate) from jobs"
        assert tuple(connection.execute(text(found)).one()) == (2, 0, 0)


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "mainspring", "up"),
        ("-m", "uvicorn", "--factory", "api.app:create"),
        ("-m", "celery", "-A", "workers.ops", "worker"),
    ],
    ids=["up", "api", "ops"],
)
def test_without_the_sdk_the_start_names_the_remedy(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_SDK)
    done = run(tmp_path, *command, MAINSPRING_OTLP_ENDPOINT="http://localhost:4318")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "opentelemetry.sdk is not installed" in said
    assert "pip install 'mainspring[otel]'" in said


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "mainspring", "status", MAINSPRING_OTLP_ENDPOINT="localhost:4318")
    assert done.returncode == 1
    assert "MAINSPRING_OTLP_ENDPOINT" in done.stderr
