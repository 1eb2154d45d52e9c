"""A worker's incarnation, kept alive by one thread; when the sweep has ended it, a new one begins."""

from collections.abc import Callable
from threading import Event, Thread
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from mainspring.logs import log
from mainspring.serving import lease
from mainspring.settings import Settings
from mainspring.tables import Database


class Life:
    """`on_tick` runs after each renewal, in the same thread; `on_rebirth` when what was held is lost."""

    def __init__(
        self,
        database: Database,
        role: str,
        settings: Settings,
        *,
        on_tick: Callable[[UUID], None] = lambda _: None,
        on_rebirth: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._role, self._settings = database, role, settings
        self._on_tick, self._on_rebirth = on_tick, on_rebirth
        self._closed = Event()
        self.incarnation = self._begin()
        self._thread = Thread(target=self._run, name="life", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the lease: call when nothing is held any more."""
        self._closed.set()
        self._thread.join(timeout=5)
        with self._database.transaction() as session:
            lease.end(session, self.incarnation)

    def _begin(self) -> UUID:
        with self._database.transaction() as session:
            return lease.begin(session, self._role, self._settings.lease_seconds, self._settings.environment)

    def _run(self) -> None:
        while not self._closed.wait(self._settings.renew_seconds):
            try:
                self._renew()
            except DBAPIError as error:
                log.warning("life.unrenewed", error=type(error).__name__)

    def _renew(self) -> None:
        with self._database.transaction() as session:
            alive = lease.renew(session, self.incarnation, self._settings.lease_seconds)
        if not alive:
            log.warning("life.ended", incarnation=str(self.incarnation))
            self._on_rebirth()
            self.incarnation = self._begin()
        self._on_tick(self.incarnation)
