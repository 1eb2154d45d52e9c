"""api, ops and beat start and work where torch is not installed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlalchemy import select, update

from mainspring.serving import lease
from mainspring.settings import Settings
from mainspring.tables import Database, Incarnation
from tests.faults.stack import free_port

ROOT = Path(__file__).parents[2]
NOT_INSTALLED = """
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers", "accelerate", "safetensors", "tokenizers"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
"""
FLAGS = ["--without-gossip", "--without-mingle", "--without-heartbeat"]


@contextmanager
def started(settings: Settings, folder: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "sitecustomize.py").write_text(NOT_INSTALLED)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder}:{ROOT}",
        "MAINSPRING_HOME": str(settings.home),
        "MAINSPRING_DATABASE_URL": settings.database_url,
        "MAINSPRING_REDIS_URL": settings.redis_url,
        "MAINSPRING_SWEEP_SECONDS": "0.5",
    }
    process = subprocess.Popen([sys.executable, "-m", *command], env=environment, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_the_block_works(settings: Settings, tmp_path: Path) -> None:
    with started(settings, tmp_path, "torch") as process:
        assert process.wait(timeout=30) != 0


def test_the_api_answers(settings: Settings, tmp_path: Path, key: str) -> None:
    port = free_port()
    with started(settings, tmp_path, "uvicorn", "--factory", "api.app:create", "--port", str(port)):
        base = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(f"{base}/readyz", trust_env=False).status_code == 200, httpx.TransportError)
        answer = httpx.get(
            f"{base}/v1/deployments", headers={"Authorization": f"Bearer {key}"}, trust_env=False
        )
        assert answer.status_code == 200


def test_beat_and_ops_sweep(settings: Settings, tmp_path: Path, database: Database) -> None:
    with database.transaction() as session:
        dead = lease.begin(session, "infer", 60)
        session.execute(update(Incarnation).values(lease_until="2020-01-01"))

    def ended() -> bool:
        with database.transaction() as session:
            return session.scalar(select(Incarnation.ended_at).where(Incarnation.id == dead)) is not None

    ops = ["celery", "-A", "workers.ops", "worker", "-P", "threads", "-c", "2", "-Q", "ops", *FLAGS]
    beat = ["celery", "-A", "workers.ops", "beat", "-S", "workers.schedule.Punctual"]
    with started(settings, tmp_path, *ops), started(settings, tmp_path, *beat):
        until(ended)


def until(true: object, *ignored: type[Exception], seconds: float = 40) -> None:
    """Another process's doing has no event to await: ask until it is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if true():  # type: ignore[operator]
                return
        except ignored:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not so after {seconds} s")
