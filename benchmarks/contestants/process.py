"""A contestant's process, as the one who measures sees it."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

OURS = Path(sys.executable)
VLLM = Path(".cache/vllm/bin/python")


class Contestant:
    """Started with `with`; `settings` is what it said of itself, `rounds` what it did since."""

    def __init__(self, name: str, folder: Path, in_flight: int, *more: str, python: Path = OURS) -> None:
        self.name = name
        module = f"benchmarks.contestants.{name}"
        self._command = [str(python), "-m", module, str(folder), str(in_flight), *more]
        self.settings: dict[str, Any] = {}
        self.rounds: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._log = tempfile.NamedTemporaryFile(prefix=f"{self.name}-", suffix=".log", delete=False)
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self.settings = self._read()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()

    def run(self, prompts: list[str]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(prompts) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: see {self._log.name}")
        return dict(json.loads(line))
