"""A PostgreSQL and a Valkey of a benchmark's own, with a migrated database; all of it is gone afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mainspring.local.migrate import upgrade
from mainspring.settings import Settings
from mainspring.tables import Database
from tests.servers import Servers


class Own(NamedTuple):
    """`server`: the process id of PostgreSQL's postmaster."""

    settings: Settings
    database: Database
    server: int


@contextmanager
def own_database() -> Iterator[Own]:
    with tempfile.TemporaryDirectory(prefix="ms-", dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)  # PostgreSQL may run as another user
        with Servers(folder) as servers:
            servers.create_database("benchmark")
            settings = Settings(
                home=folder / "home",
                database_url=servers.database_url("benchmark"),
                redis_url=servers.redis_url,
            )
            upgrade(settings)
            database = Database(settings.database_url)
            server = int((folder / "pg" / "postmaster.pid").read_text().split()[0])
            try:
                yield Own(settings, database, server)
            finally:
                database.close()
