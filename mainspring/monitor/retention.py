"""Observations have their time: new weeks are made ahead, and those that are past it leave whole."""

from datetime import datetime, timedelta

from mainspring.tables import Database, Observation
from mainspring.tables.partitions import drop_before, ensure

_TABLE = Observation.__tablename__


def forget(database: Database, now: datetime, keep_days: float) -> list[str]:
    """The names of the weeks that have left. A reference, and what a detector knows, stay."""
    with database.begin() as connection:
        ensure(connection, _TABLE, now)
    with database.each() as connection:
        return drop_before(connection, _TABLE, now - timedelta(days=keep_days))
