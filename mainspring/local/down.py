"""`mainspring down`: end the supervisor of this home, from anywhere."""

import time

import psutil

from mainspring.errors import StackError
from mainspring.local import claim, postmaster, survivors
from mainspring.local.home import Home
from mainspring.local.records import ProcessRecord
from mainspring.settings import Settings

SERVERS = 50.0  # seconds that beat, the api, Valkey and PostgreSQL may take together


def down(settings: Settings) -> bool:
    """Returns when nothing of this home runs any more; False when nothing did. Raises StackError."""
    home = Home(settings.home)
    record = claim.running(home)
    process = record.process() if record else None
    if record is None or process is None:
        return bool(survivors.stop(home)) | postmaster.heal(home)
    try:
        process.terminate()
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied as error:
        raise StackError(
            f"Mainspring in {home.path} runs as another user", remedy="Stop it as the user who started it."
        ) from error
    _await_end(record, home, settings.drain_seconds + SERVERS)
    return True


def _await_end(record: ProcessRecord, home: Home, patience: float) -> None:
    """Not psutil's wait: that waits for a dead process whose parent has not noticed yet, too."""
    deadline = time.monotonic() + patience
    while record.process() is not None:
        if time.monotonic() > deadline:
            raise StackError(
                f"Mainspring (pid {record.pid}) has not stopped in {patience:.0f} s",
                remedy=f"See the logs in {home.logs}. As a last resort: kill -9 {record.pid}; "
                "the next start cleans up.",
            )
        time.sleep(0.05)
