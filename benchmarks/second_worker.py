"""Another infer worker beside the stack's own, to be lost and brought back."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

from tests.faults.stack import Stack

COMMAND = ("-m", "celery", "-A", "workers.infer", "worker", "-P", "threads", "-Q", "infer", "-n", "second@%h")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class SecondWorker:
    """`how`: KILL, after which a new one is started, or STOP, after which the same one goes on."""

    def __init__(self, stack: Stack, how: str) -> None:
        self._stack, self._how = stack, how

    def __enter__(self) -> Self:
        self._log = (self._stack.settings.home / "second.log").open("ab")
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def lose(self) -> None:
        self._process.send_signal(signal.Signals[f"SIG{self._how}"])
        if self._how == "KILL":
            self._process.wait()

    def restore(self) -> None:
        if self._how == "KILL":
            self._start()
        else:
            self._process.send_signal(signal.SIGCONT)

    def until_holding(self, name: str, versions: int) -> None:
        """Until two workers are ready with so many versions of the deployment."""
        end = time.monotonic() + 120
        with self._stack.client() as client:
            while True:
                workers = client.request("GET", f"/v1/deployments/{name}")["workers"]
                ready = [one for one in workers if one["state"] == "ready"]
                if len(ready) >= 2 * versions and len({one["incarnation"] for one in ready}) > 1:
                    return
                if time.monotonic() > end:
                    raise TimeoutError(f"the second worker holds {len(ready)} versions with the first")
                time.sleep(0.1)

    def _start(self) -> None:
        threads = str(self._stack.settings.infer_threads)
        self._process = subprocess.Popen(
            [sys.executable, *COMMAND, "-c", threads, *QUIET],
            env=self._stack.environment(),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
