"""The real MLflow, as `mainspring up --mlflow` starts it, and somebody who reads it."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from mainspring.local import folders, mlflow
from mainspring.local.home import Home
from mainspring.local.service import last_lines, launch
from mainspring.settings import Settings
from tests.api.serving import until
from tests.core.local_running import free_port

HERE = Path(__file__).parent
MLFLOW = HERE.parents[1] / ".cache" / "mlflow"  # where install.sh puts it
START_SECONDS = 120  # it makes its tables first


class Server:
    """On a port that it keeps while it is away."""

    def __init__(self, home: Path) -> None:
        self.settings = mlflow.beside(
            Settings(home=home, mlflow_command=f"{MLFLOW}/bin/mlflow", mlflow_port=free_port(), mlflow_url="")
        )
        self.url = self.settings.mlflow_url
        folders.prepare(Home(home))
        self.start()

    def start(self) -> None:
        service = mlflow.service(self.settings)
        self._process = launch(service)
        until(lambda: self._answers() or self._died(service.log), START_SECONDS)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def wipe(self) -> None:
        """And there is one without data."""
        self.stop()
        for file in Home(self.settings.home).mlflow.glob("mlflow.db*"):
            file.unlink()
        self.start()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _died(self, log: Path) -> bool:
        assert self._process.poll() is None, last_lines(log, 30)
        return False


class Reader:
    """MLflow's own client, asked by the verbs of reading.py."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [MLFLOW / "bin" / "python", HERE / "reading.py", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": "/usr/bin:/bin"},
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(30)

    def __call__(self, *words: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())
