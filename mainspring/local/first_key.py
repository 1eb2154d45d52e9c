"""The key that the embedded stack makes for its owner, kept in the home in plain text for `mainspring key`."""

import os
from pathlib import Path

from mainspring.access import first_key, identify
from mainspring.endpoints import database_url
from mainspring.errors import Unauthenticated
from mainspring.local.home import Home
from mainspring.local.own_key import read
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


def _write(path: Path, key: str) -> None:
    new = path.with_name("key.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key + "\n")
    new.replace(path)
