"""An embedded stack of its own in a process of its own, with stand-ins for Mainspring's services."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from mainspring.local.home import Home
from mainspring.local.records import StackState, read_state

ROOT = Path(__file__).parents[2]
# Both say so when they are ready for a signal: before that, SIGTERM ends any Python.
PATIENT = (
    "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}); print('ready', flush=True); "
    "signal.sigwait({signal.SIGTERM})"
)
STUBBORN = PATIENT.replace("sigwait({signal.SIGTERM})", "sigwait({signal.SIGUSR1})")
STACK = """
import sys
from rich.console import Console
from mainspring.local import up
from mainspring.local.home import Home
from mainspring.local.service import Service
from mainspring.settings import Settings

settings = Settings()
home = Home(settings.home)

def stand_in(name, code):
    log = home.log(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    ready = lambda: b"ready" in log.read_bytes()
    return Service(name, (sys.executable, "-c", code), {}, log, home.run, stop_seconds=4.0, ready=ready)

programs = [stand_in(*pair.split("=", 1)) for pair in sys.argv[1:]]
up.up(
    settings, Console(width=400), programs=programs, starter=False, with_mlflow=bool(settings.mlflow_command)
)
"""


class RunningStack:
    """`programs`: name to Python code. With a `MAINSPRING_MLFLOW_COMMAND` MLflow is asked for. Entered, it is up."""

    def __init__(self, home: Path, programs: dict[str, str], **settings: str) -> None:
        self.home = Home(home)
        self.environment = environment(home, **settings)
        pairs = [f"{name}={code}" for name, code in programs.items()]
        self.process = subprocess.Popen(
            [sys.executable, "-c", STACK, *pairs],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []

    def __enter__(self) -> Self:
        self.until("Mainspring is up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    def until(self, words: str, seconds: float = 60.0) -> str:
        """Read on until a line has these words."""
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if words in line:
                timer.cancel()
                return line
        raise AssertionError(f"ended without saying {words!r}:\n" + "\n".join(self.said))

    def state(self) -> StackState:
        state = read_state(self.home.state)
        assert state is not None
        return state

    def pid(self, name: str) -> int:
        (found,) = [one.pid for one in self.state().services if one.name == name]
        assert found is not None
        return found

    def tree(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def cli(self, *argv: str, **overrides: str) -> subprocess.CompletedProcess[str]:
        return cli(self.environment | overrides, *argv)


def cli(
    environment: dict[str, str], *argv: str, typed: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from mainspring.cli import main; main()", *argv],
        cwd=ROOT,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def environment(home: Path, **settings: str) -> dict[str, str]:
    given = {"MAINSPRING_HOME": str(home), "MAINSPRING_PORT": str(free_port()), "COLUMNS": "400"} | settings
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAINSPRING_")}
    return inherited | given


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def gone(processes: list[psutil.Process], seconds: float = 20.0) -> bool:
    """Whether all of them have ended, or do so within the time."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
