"""One supervisor a home, kept by a lock that the kernel releases however the holder dies."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from mainspring.errors import StackError
from mainspring.local import records
from mainspring.local.home import Home
from mainspring.local.records import ProcessRecord, StackState


@contextmanager
def claim(home: Home) -> Iterator[ProcessRecord]:
    """Hold the home. A pid file that a dead supervisor left is simply written anew. Raises StackError when held."""
    with home.lock.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _already_running(home) from None
        ours = records.record_of("supervisor", os.getpid(), signal.SIGTERM, signal.SIGKILL)
        assert ours is not None, "we are alive"
        records.write(home.supervisor, ours)
        try:
            yield ours
        finally:
            home.supervisor.unlink(missing_ok=True)
            home.state.unlink(missing_ok=True)


def running(home: Home) -> ProcessRecord | None:
    """The live supervisor of this home."""
    record = records.read_supervisor(home.supervisor)
    return record if record is not None and record.process() is not None else None


def state(home: Home) -> StackState | None:
    """What the live supervisor last published; None when none runs."""
    return records.read_state(home.state) if running(home) else None


def _already_running(home: Home) -> StackError:
    holder, published = records.read_supervisor(home.supervisor), records.read_state(home.state)
    pid = f" (pid {holder.pid})" if holder else ""
    address = f" at {published.address}" if published else ""
    return StackError(
        f"Mainspring already runs in {home.path}{pid}{address}",
        remedy="Stop it with `mainspring down`, or choose another home and port: MAINSPRING_HOME, MAINSPRING_PORT.",
    )
