"""`mainspring down`: end the supervisor of this home, from anywhere."""

import psutil

from mainspring.errors import StackError
from mainspring.local import claim, postmaster, survivors
from mainspring.local.home import Home
from mainspring.settings import Settings

SERVERS = 50.0  # seconds that beat, the api, Valkey and PostgreSQL may take together


def down(settings: Settings) -> bool:
    """Returns when nothing of this home runs any more; False when nothing did. Raises StackError."""
    home = Home(settings.home)
    record = claim.running(home)
    process = record.process() if record else None
    if process is None:
        return bool(survivors.stop(home)) | postmaster.heal(home)
    patience = settings.drain_seconds + SERVERS
    try:
        process.terminate()
        process.wait(patience)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied as error:
        raise StackError(
            f"Mainspring in {home.path} runs as another user", remedy="Stop it as the user who started it."
        ) from error
    except psutil.TimeoutExpired as error:
        raise StackError(
            f"Mainspring (pid {process.pid}) has not stopped in {patience:.0f} s",
            remedy=f"See the logs in {home.logs}. As a last resort: kill -9 {process.pid}; the next start cleans up.",
        ) from error
    return True
