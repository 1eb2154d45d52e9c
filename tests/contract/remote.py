"""The stand-in as a child process, and the hand that tells it how to misbehave."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.faults.stack import free_port
from workers.remote import calls
from workers.remote.engine import HttpEngine
from workers.remote.server import Given

PROGRAM = Path(__file__).parent / "stand_in.py"
COMMAND = f"{sys.executable} {PROGRAM}"


class Child:
    """A stand-in of its own at `url`."""

    def __init__(self, folder: Path, key: str = "") -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        port = self.url.rpartition(":")[2]
        self._process = subprocess.Popen(
            [sys.executable, PROGRAM, "serve", folder, "--port", port], env=os.environ | {"VLLM_API_KEY": key}
        )
        assert calls.wait_until_well(self.url, 30)

    def connect(self, *, hang_seconds: float = 60.0) -> HttpEngine:
        return HttpEngine(Given(self.url), calls.served(self.url, "", self.folder), hang_seconds=hang_seconds)

    @property
    def folder(self) -> Path:
        return Path(str(self._process.args[3]))  # type: ignore[index]

    def tell(self, **how: Any) -> None:
        tell(self.url, **how)

    def told(self) -> dict[str, Any]:
        said: dict[str, Any] = httpx.get(f"{self.url}/stand-in").json()
        return said

    def running(self) -> int:
        return int(self.told()["running"])

    def die(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()


def tell(url: str, **how: Any) -> None:
    httpx.post(f"{url}/stand-in", json=how)
