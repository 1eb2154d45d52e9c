"""Make the folders of a home, private to those who use them."""

import os
import shutil
import stat
from pathlib import Path

from mainspring.errors import StackError
from mainspring.local.home import Home
from mainspring.local.owner import Owner, give, open_way


def prepare(home: Home) -> str:
    """The part that needs no knowledge of servers. Returns its path for people. Raises StackError when the home cannot be written."""
    try:
        fresh = not home.path.exists()
        home.path.mkdir(parents=True, exist_ok=True)
        if fresh:
            home.path.chmod(0o700)
        for folder in (home.run, home.logs, home.valkey):
            folder.mkdir(mode=0o700, exist_ok=True)
        probe = home.path / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise StackError(
            f"the home {home.path} cannot be written: {error.strerror or error}",
            remedy="Make it writable for this user, or choose another: MAINSPRING_HOME=/path/to/folder",
        ) from error
    return str(home.path)


def prepare_for_postgres(home: Home, owner: Owner, binaries: Path) -> list[Path]:
    """The data folder belongs to PostgreSQL's user. Returns the folders that had to be opened for that user."""
    home.postgres.mkdir(mode=0o700, exist_ok=True)
    give(home.postgres, owner)
    return open_way(home.postgres, owner) + open_way(home.sockets, owner) + open_way(binaries / "bin", owner)


def remove_sockets(home: Home) -> None:
    """After a stop: what lies outside the home goes."""
    if home.sockets != home.run:
        shutil.rmtree(home.sockets, ignore_errors=True)


def prepare_sockets(home: Home, owner: Owner) -> None:
    folder = home.sockets
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()  # in /tmp anyone could have made it before us, or put a link there
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), owner.uid}:
        raise StackError(
            f"the folder for sockets, {folder}, belongs to someone else",
            remedy="Remove it, or choose a home with a shorter path, which needs no such folder: MAINSPRING_HOME",
        )
    give(folder, owner)
