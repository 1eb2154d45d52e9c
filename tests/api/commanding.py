"""The command line against the served api, as a person would type it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mainspring.settings import Settings
from tests.api.serving import Served

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Typed:
    """`said` on standard output, `wrong` on standard error."""

    code: int
    said: str
    wrong: str


@dataclass(frozen=True)
class Commands:
    """`commands("jobs", "--json")` is what `mainspring jobs --json` does."""

    served: Served
    settings: Settings

    def __call__(self, *words: str) -> Typed:
        mine = {
            "MAINSPRING_HOME": str(self.settings.home),
            "MAINSPRING_PORT": str(self.served.port),
            "COLUMNS": "200",
        }
        done = subprocess.run(
            [sys.executable, "-m", "mainspring", *words],
            env=os.environ | mine,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Typed(done.returncode, done.stdout, done.stderr)
