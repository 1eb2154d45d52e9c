"""Write again while the database is away: an answer that cost seconds of work is not thrown away for a restart."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from mainspring.logs import log

PAUSE_SECONDS = 0.3


Result = TypeVar("Result")


def persist(transaction: Callable[[], Result], seconds: float) -> Result:
    """Run it until it commits. Only for conditional writes: a commit whose reply was lost is refused by its fence.

    Longer than `seconds` (a lease) makes no sense: by then the job belongs to another. Raises what it met last.
    """
    until = time.monotonic() + 2 * seconds
    while True:
        try:
            return transaction()
        except DBAPIError as error:
            away = isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated
            if not away or time.monotonic() > until:
                raise
            log.warning("persist.again", error=type(error.orig).__name__)
            time.sleep(PAUSE_SECONDS)
