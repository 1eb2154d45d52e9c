"""A real Prometheus with our own configuration, sped up."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from tests.faults.stack import free_port
from tests.prometheus.binaries import Binaries

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = ("recording.yml", "alerts.yml")


class Prometheus:
    """Of the api at `port`, by deploy/prometheus/local.yml; it looks every second, instead of every fifteen."""

    def __init__(self, found: Binaries, folder: Path, port: int) -> None:
        self._found, self._folder, self._port = found, folder, free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        given = yaml.safe_load((DEPLOY / "prometheus" / "local.yml").read_text().replace(":8000", f":{port}"))
        given["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        given["rule_files"] = [str(DEPLOY / "prometheus" / name) for name in RULES]
        for job in given["scrape_configs"]:
            for discovery in job.get("http_sd_configs", []):
                discovery["refresh_interval"] = "1s"
        self._configuration = folder / "prometheus.yml"
        self._configuration.write_text(yaml.safe_dump(given))

    def __enter__(self) -> Self:
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self._found.prometheus,
                    f"--config.file={self._configuration}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(20)

    def targets(self) -> list[dict[str, Any]]:
        return list(self._get("targets")["activeTargets"])

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Of this moment: labels and values."""
        return list(self._get("query", query=expression)["result"])

    def until(self, expression: str, seconds: float = 30.0) -> list[dict[str, Any]]:
        """Until it has a result."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := self.query(expression):
                return found
            time.sleep(0.2)
        raise AssertionError(f"nothing after {seconds} s: {expression}")

    def _wait_until_ready(self, seconds: float = 30.0) -> None:
        """It listens before it can answer: until then it says 503."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/-/ready", timeout=10).status_code == 200:
                    return
            assert self._process.poll() is None, self._log()
            time.sleep(0.2)
        raise AssertionError(f"not ready after {seconds} s: {self._log()}")

    def _log(self) -> str:
        return (self._folder / "prometheus.log").read_text()[-2000:]

    def _get(self, what: str, **parameters: str) -> dict[str, Any]:
        answer = httpx.get(f"{self.url}/api/v1/{what}", params=parameters, timeout=10)
        assert answer.status_code == 200, f"{parameters}: {answer.text}"
        return dict(answer.json()["data"])
