"""Stop what a supervisor that was killed left behind, known by pid and time of creation."""

import contextlib
import os
import signal

import psutil

from mainspring.local.home import Home
from mainspring.local.records import ProcessRecord, read_processes

GRACE = 5.0  # seconds for an orderly end: on Linux their stop signal came with the supervisor's death


def find(home: Home) -> list[ProcessRecord]:
    return [record for record in read_processes(home.processes) if record.process() is not None]


def stop(home: Home) -> list[str]:
    """Returns the names of those that had to be stopped. PostgreSQL's rest is the business of postmaster.py."""
    found = find(home)
    alive = [process for record in found if (process := record.process()) is not None]
    for record in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, record.stop_signal)
    _, stubborn = psutil.wait_procs(alive, timeout=GRACE)
    kill_signals = {record.pid: record.kill_signal for record in found}
    for process in stubborn:
        number = kill_signals[process.pid]
        with contextlib.suppress(ProcessLookupError):
            # Each service leads a group of its own; PostgreSQL ends its children itself, on its own signal.
            os.killpg(process.pid, number) if number == signal.SIGKILL else os.kill(process.pid, number)
    psutil.wait_procs(stubborn, timeout=2 * GRACE)
    home.processes.unlink(missing_ok=True)
    return [record.name for record in found]
