"""The key that the embedded stack makes for its owner, kept in the home in plain text for `mainspring key`."""

import os
from pathlib import Path

from mainspring.access import first_key, identify
from mainspring.endpoints import database_url
from mainspring.errors import StackError, Unauthenticated
from mainspring.local.home import Home
from mainspring.settings import Settings
from mainspring.tables import Database


def ensure(settings: Settings) -> bool:
    """Make the key unless the file holds one that this database knows. Returns whether one was made."""
    home = Home(settings.home)
    database = Database(database_url(settings), pool_size=1)
    try:
        with database.transaction() as session:
            if home.key.exists():
                try:
                    identify(session.connection(), f"Bearer {read(settings)}")
                except Unauthenticated:  # the database is another one by now
                    home.key.unlink()
                else:
                    return False
            key = first_key(session)
        _write(home.key, key)
        return True
    finally:
        database.close()


def read(settings: Settings) -> str:
    """Raises StackError when there is none yet."""
    path = Home(settings.home).key
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise StackError(
            f"there is no key in {path.parent} yet",
            remedy="Start the stack once: `mainspring up` makes the first key.",
        ) from None
    except PermissionError:
        raise StackError(
            f"{path} belongs to another user", remedy="Ask as the user who ran `mainspring up`."
        ) from None


def _write(path: Path, key: str) -> None:
    new = path.with_name("key.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key + "\n")
    new.replace(path)
