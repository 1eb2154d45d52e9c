"""Run what ends jobs and leaves their observations, in a week for which there may be no place yet (tables/partitions.py)."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Row, Select
from sqlalchemy.exc import IntegrityError

from mainspring.tables import Observation
from mainspring.tables.partitions import make_place, without_place

_NOTHING: Mapping[str, Any] = {}


def ending(
    connection: Connection, statement: Select[Any], values: Mapping[str, Any] = _NOTHING
) -> Sequence[Row[Any]]:
    """The rows that it returns. A missing week is made in a transaction of its own, and the statement run once more."""
    try:
        with _undone(connection):
            return connection.execute(statement, values).all()
    except IntegrityError as error:
        if not without_place(error):
            raise
    make_place(connection.engine, Observation.__tablename__)
    return connection.execute(statement, values).all()


def _undone(connection: Connection) -> AbstractContextManager[object]:
    """Inside a transaction a refused row would break all of it. Where each statement is one, nothing has to be undone."""
    driver = connection.connection.driver_connection
    assert driver is not None
    alone = driver.autocommit and driver.info.transaction_status is TransactionStatus.IDLE
    return nullcontext() if alone else connection.begin_nested()
