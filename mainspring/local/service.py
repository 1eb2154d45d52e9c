"""One program of the stack, and how it is started: a session and a log of its own, tied to the supervisor's life."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mainspring.local.owner import Owner

LARGEST_LOG = 10 * 2**20  # bytes; a larger one is put aside at the next start
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Service:
    """What to run. `stop_rank`: lower stops earlier. `ready` answers whether it can be used, None: at once."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(repr=False)
    log: Path
    cwd: Path
    stop_rank: int = 1
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 10.0
    kill_signal: int = signal.SIGKILL
    nice: int = 0
    owner: Owner | None = None
    ready: Callable[[], bool] | None = None
    address: str = ""


def launch(service: Service) -> subprocess.Popen[bytes]:
    """From the main thread: on Linux the child gets its stop signal when the thread that forked it dies."""
    _rotate(service.log)
    owner = service.owner if service.owner is not None and service.owner.name is not None else None
    with service.log.open("ab") as log:
        return subprocess.Popen(
            service.argv,
            env=service.env,
            cwd=service.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_before_exec(service),  # noqa: PLW1509  it only makes system calls
            user=None if owner is None else owner.uid,
            group=None if owner is None else owner.gid,
            extra_groups=None if owner is None else [],
        )


def _before_exec(service: Service) -> Callable[[], None]:
    """Runs in the child after its user was changed, which would clear the death signal."""
    parent = os.getpid()
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def hook() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, service.stop_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
        if service.nice:
            os.nice(service.nice)

    return hook


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_name(log.name + ".1"))


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a log, for an error message. Logs hold no prompt and no answer."""
    if not log.exists():
        return "(no log)"
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 8192))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join("  " + line for line in lines[-count:]) or "(the log is empty)"
