"""PostgreSQL's own pid files after a crash: it starts only when their pid is no live process, whichever that is.

In a container or after a reboot the pid is soon another program's, and PostgreSQL would refuse to start for ever.
Called by the holder of the home's lock, so nobody else is starting a server on this folder.
"""

import contextlib
import signal
from pathlib import Path

import psutil

from mainspring.local.home import Home

PATIENCE = 20.0  # seconds for a fast shutdown


def heal(home: Home) -> bool:
    """Stop an orphaned server of this home and remove stale pid files. Returns whether a server was stopped."""
    stopped = False
    for pid_file in (home.postgres / "postmaster.pid", home.sockets / ".s.PGSQL.5432.lock"):
        process = _server(pid_file, home)
        if process is not None:
            stopped = True
            _shut_down(process)
        pid_file.unlink(missing_ok=True)
    return stopped


def _server(pid_file: Path, home: Home) -> psutil.Process | None:
    """The live PostgreSQL of this home that the file names; None when it names nothing or another program."""
    with contextlib.suppress(
        FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess, psutil.AccessDenied
    ):
        process = psutil.Process(abs(int(pid_file.read_text().splitlines()[0])))
        if str(home.postgres) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _shut_down(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(number)
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(PATIENCE)
                return
