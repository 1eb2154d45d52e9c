"""A whole stack in a home of its own, started as a user would, with handles to break it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mainspring.client import Client
from mainspring.endpoints import database_url, redis_url
from mainspring.settings import Settings
from mainspring.tables import Database


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stack:
    """`with Stack(home) as stack:` is up and answers /readyz; afterwards no process is left."""

    def __init__(
        self, home: Path, *, starter: bool = False, mlflow: bool = False, **environment: str
    ) -> None:
        self.settings = Settings(home=home, port=free_port())
        self._more = [*([] if starter else ["--no-starter"]), *(["--mlflow"] if mlflow else [])]
        self._environment = environment

    def __enter__(self) -> Self:
        self.settings.home.mkdir(parents=True, exist_ok=True)
        self._log = (self.settings.home / "up.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mainspring", "up", *self._more],
            env=self.environment(),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def environment(self) -> dict[str, str]:
        mine = {"MAINSPRING_HOME": str(self.settings.home), "MAINSPRING_PORT": str(self.settings.port)}
        return {**os.environ, **mine, **self._environment}

    @property
    def url(self) -> str:
        return f"http://{self.settings.host}:{self.settings.port}"

    def client(self) -> Client:
        return Client(self.url, (self.settings.home / "key").read_text().strip())

    def database(self) -> Database:
        return Database(database_url(self.settings))

    @property
    def redis_url(self) -> str:
        return redis_url(self.settings)

    def state(self) -> dict[str, Any]:
        """As the supervisor last wrote it."""
        return dict(json.loads((self.settings.home / "run" / "state.json").read_text()))

    def pid(self, service: str) -> int:
        pids = {one["name"]: one["pid"] for one in self.state()["services"]}
        return int(pids[service])

    def kill(self, service: str, how: signal.Signals = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid(service), how)

    def deploy(self, name: str, model: Path, task: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "mainspring", "deploy", name, "--model", str(model), "--task", task],
            env=self.environment(),
            check=True,
            timeout=120,
            capture_output=True,
        )

    def _until_ready(self) -> None:
        import httpx

        until = time.monotonic() + 120
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError((self.settings.home / "up.log").read_text()[-2000:])
            with contextlib.suppress(httpx.TransportError):
                ready = httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False).status_code == 200
                if ready and (self.settings.home / "key").exists():
                    return
            time.sleep(0.2)
        raise TimeoutError((self.settings.home / "up.log").read_text()[-2000:])
