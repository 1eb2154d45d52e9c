"""The api as a process of its own, as it is deployed: who asks it does not share its interpreter."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from mainspring.settings import Settings
from tests.faults.stack import free_port

SECONDS = 30.0  # until it answers


@contextmanager
def own_api(settings: Settings) -> Iterator[str]:
    """Its address, once it is ready; it ends with the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--factory", "api.app:create", "--port", str(port)],
        env={
            **os.environ,
            "MAINSPRING_HOME": str(settings.home),
            "MAINSPRING_DATABASE_URL": settings.database_url,
            "MAINSPRING_REDIS_URL": settings.redis_url,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Raises RuntimeError."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError("the api does not answer")
