"""One round of retention: a database of its own for a moment, as its process has none."""

from datetime import UTC, datetime

from mainspring.endpoints import database_url
from mainspring.logs import log
from mainspring.monitor.retention import forget
from mainspring.monitor.rounds import Rounds
from mainspring.registry.remote import remote
from mainspring.release.retention import retain
from mainspring.settings import Settings
from mainspring.tables import Database
from workers.schedule import intervals


def retain_once(settings: Settings) -> None:
    database = Database(database_url(settings), pool_size=1)
    try:
        with Rounds(database, intervals(settings)).recorded("retain") as did:
            gone = retain(database, settings.store, remote(settings))
            weeks = forget(database, datetime.now(UTC), settings.keep_observations_days)
            did["versions"], did["weeks"] = len(gone), len(weeks)
    finally:
        database.close()
    if gone:
        log.info("versions.deleted", versions=gone)
    if weeks:
        log.info("observations.forgotten", weeks=weeks)
