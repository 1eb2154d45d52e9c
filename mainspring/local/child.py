"""A service that runs, or waits to run again."""

import contextlib
import os
import signal
import subprocess
import time
from datetime import UTC, datetime

from mainspring.local.records import ProcessRecord, ServiceState, record_of
from mainspring.local.restarts import Restarts
from mainspring.local.service import Service, launch


class Child:
    """Owned by the supervisor, touched by its main thread only. Times on time.monotonic()."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.restarts = Restarts()
        self.due: float | None = None  # when to start again; None while it runs
        self.usable = service.ready is None
        self.launch()

    def launch(self) -> None:
        """Raises OSError when the program cannot be started at all."""
        self.process: subprocess.Popen[bytes] = launch(self.service)
        given = self.service
        self.record: ProcessRecord | None = record_of(
            given.name, self.process.pid, given.stop_signal, given.kill_signal
        )
        self.started = time.monotonic()
        self.since = datetime.now(UTC)
        self.due = None

    @property
    def running(self) -> bool:
        """Reaps it when it has ended."""
        return self.process.poll() is None

    def ended(self) -> str:
        """How, in words."""
        code = self.process.returncode
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def postpone(self) -> float:
        """After a death: when to start again, decided by the policy. Returns the delay in seconds."""
        now = time.monotonic()
        self.restarts = self.restarts.died(lived=now - self.started)
        self.since = datetime.now(UTC)
        self.due = now + self.restarts.delay
        return self.restarts.delay

    def signal(self, number: int) -> None:
        if self.running:
            self.process.send_signal(number)

    def sweep_group(self) -> None:
        """What it forked and left behind goes with it."""
        # A group that is gone, or (macOS) one of zombies only.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def state(self) -> ServiceState:
        running = self.due is None and self.process.returncode is None
        word = "running" if self.usable else "starting"
        return ServiceState(
            name=self.service.name,
            state=word if running else "stopped" if self.due is None else "waiting",
            pid=self.process.pid if running else None,
            since=self.since.isoformat(timespec="seconds"),
            restarts=self.restarts.total,
            address=self.service.address,
            log=str(self.service.log),
        )
