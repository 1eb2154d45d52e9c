"""What a process shows of itself: its registry, the door to it, and the row by which Prometheus finds the door."""

import socket
from threading import Event, Thread

import prometheus_client
from prometheus_client import CollectorRegistry, ProcessCollector
from sqlalchemy.exc import SQLAlchemyError

from mainspring.access import identify
from mainspring.identifiers import uuid7
from mainspring.logs import log
from mainspring.metrics import targets
from mainspring.metrics.door import Door
from mainspring.settings import Settings
from mainspring.tables import Database

_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104  compared, not bound


def registry() -> CollectorRegistry:
    """A process's own: its memory, its time, its files; without a second series of when each counter began."""
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    return made


class Exposed:
    """Never in the way: where nobody can be let in or told, the process goes on without it. `role`: api, infer or ops."""

    def __init__(self, shown: CollectorRegistry, role: str, settings: Settings, database: Database) -> None:
        self._role, self._database, self._process = role, database, uuid7()
        self._closed, self._thread = Event(), Thread(target=self._run, name="announce", daemon=True)
        self._door: Door | None = None
        try:
            self._door = Door(shown, settings.metrics_host, settings.metrics_port, self._identify)
        except OSError as error:
            log.error("metrics.hidden", host=settings.metrics_host, error=type(error).__name__)
            return
        self.address = f"{_named(settings)}:{self._door.port}"
        self._thread.start()

    def close(self) -> None:
        if self._door is None:
            return
        self._closed.set()
        self._thread.join(5)
        self._door.close()

    def _run(self) -> None:
        host = socket.gethostname()
        while not self._closed.is_set():
            self._say(announced=(self._role, host, self.address))
            self._closed.wait(targets.SAY_SECONDS)
        self._say(announced=None)

    def _say(self, announced: tuple[str, str, str] | None) -> None:
        try:
            with self._database.each() as connection:
                if announced is None:
                    targets.withdraw(connection, self._process)
                else:
                    targets.announce(connection, self._process, *announced)
        except SQLAlchemyError as error:
            log.warning("metrics.unannounced", error=type(error).__name__)

    def _identify(self, authorization: str) -> None:
        # What is not printable ASCII is no key, and PostgreSQL would refuse some of it.
        given = authorization if authorization.isascii() and authorization.isprintable() else ""
        with self._database.each() as connection:
            identify(connection, given)


def _named(settings: Settings) -> str:
    """By which name Prometheus reaches what listens there; a container's is known to its neighbours."""
    host = settings.metrics_name or settings.metrics_host
    host = socket.gethostname() if host in _EVERYWHERE else host
    return f"[{host}]" if ":" in host else host
