"""One round of retention: a database of its own for a moment, as its process has none."""

from mainspring.endpoints import database_url
from mainspring.logs import log
from mainspring.registry.remote import remote
from mainspring.release.retention import retain
from mainspring.settings import Settings
from mainspring.tables import Database


def retain_once(settings: Settings) -> None:
    database = Database(database_url(settings), pool_size=1)
    try:
        gone = retain(database, settings.store, remote(settings))
    finally:
        database.close()
    if gone:
        log.info("versions.deleted", versions=gone)
