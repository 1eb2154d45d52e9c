"""Stop what a supervisor that was killed left behind, known by pid and time of creation."""

import contextlib
import os
import signal

import psutil

from mainspring.local.home import Home
from mainspring.local.records import ProcessRecord, read_processes

GRACE = 10.0  # seconds for an orderly end before SIGKILL


def find(home: Home) -> list[ProcessRecord]:
    return [record for record in read_processes(home.processes) if record.process() is not None]


def stop(home: Home) -> list[str]:
    """Returns the names of those that had to be stopped. None of them is alive afterwards."""
    found = find(home)
    alive = [process for record in found if (process := record.process()) is not None]
    for record in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, record.stop_signal)
    _, stubborn = psutil.wait_procs(alive, timeout=GRACE)
    for process in stubborn:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # each service leads a group of its own
    psutil.wait_procs(stubborn, timeout=GRACE)
    home.processes.unlink(missing_ok=True)
    return [record.name for record in found]
