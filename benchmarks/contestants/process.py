"""A contestant's process, as the one who measures sees it."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

from benchmarks.peers.environment import python

VLLM = Path(__file__).parents[2] / ".cache" / "vllm" / "bin" / "python"
NOT_INSTALLED = "vLLM is not installed: sh tests/vllm/install.sh"
ENVIRONMENTS = {
    "recipe": "recipes",
    "batches": "recipes",
    "transformers_server": "serving",
    "vllm_in_process": "vllm",
    "vllm_server": "vllm",
}


class Contestant:
    """Started with `with`; `settings` is what it said of itself, `rounds` what it did since."""

    def __init__(self, name: str, *arguments: object) -> None:
        self.name = name
        module = f"benchmarks.contestants.{name}"
        self._command = [str(_interpreter(name)), "-m", module, *map(str, arguments)]
        self.settings: dict[str, Any] = {}
        self.rounds: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._log = tempfile.NamedTemporaryFile(prefix=f"{self.name}-", suffix=".log", delete=False)
        # Threads that wait for each other sleep: a contestant that is not asked must not take the others' cores.
        environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}
        self._process = subprocess.Popen(
            self._command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.settings = self._read()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()

    def run(self, prompts: list[str], *, stream: bool = False) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"prompts": prompts, "stream": stream}) + "\n")
        self._process.stdin.flush()
        return self._read()

    @property
    def speed(self) -> float:
        """Tokens a second, the median of its rounds."""
        return statistics.median(one["tokens"] / one["seconds"] for one in self.rounds)

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: see {self._log.name}")
        return dict(json.loads(line))


def installable(name: str) -> bool:
    """Whether its environment is there, or is made when it is needed."""
    return ENVIRONMENTS.get(name) != "vllm" or VLLM.exists()


def _interpreter(name: str) -> Path:
    where = ENVIRONMENTS.get(name)
    if where is None:
        return Path(sys.executable)
    if where != "vllm":
        return python(where)
    if not installable(name):
        raise SystemExit(NOT_INSTALLED)
    return VLLM
