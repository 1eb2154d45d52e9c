"""Store a batch as a whole or, if the database refuses that, in halves, down to the line that it refuses: so each line
has its own answer, and the others are stored all the same.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from api.problems import DATABASE_AWAY, Unavailable
from mainspring.errors import MainspringError
from mainspring.logs import log

Line = TypeVar("Line")
Result = TypeVar("Result")

PATIENCE = 30.0  # seconds of a batch, since each half may have to wait for a lock
# SQLSTATEs of what others have locked: a deadlock, a conflict, a wait that was too long.
_IN_THE_WAY = frozenset({"40P01", "40001", "55P03"})


async def in_halves(
    store: Callable[[Sequence[Line]], Awaitable[list[Result]]],
    batch: Sequence[Line],
    until: float | None = None,
) -> list[Result | MainspringError]:
    """What `store` gives for each, in order, or why it could not be stored. `store` is called with parts of the batch,
    and keeps all of a part or nothing."""
    until = time.monotonic() + PATIENCE if until is None else until
    try:
        return [*await store(batch)]
    except Exception as error:  # noqa: BLE001  the answer has begun: whatever it is, these lines have to be told
        log.warning("batch.refused", lines=len(batch), error=type(error).__name__)
        if len(batch) == 1 or _away(error):
            return [_told(error)] * len(batch)
        if time.monotonic() > until:
            return [_later("there was no time to store this line")] * len(batch)
    middle = len(batch) // 2
    return [*await in_halves(store, batch[:middle], until), *await in_halves(store, batch[middle:], until)]


def _away(error: Exception) -> bool:
    """Whether it is no use to try again at once."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(error, DATABASE_AWAY) and state not in _IN_THE_WAY


def _told(error: Exception) -> MainspringError:
    if isinstance(error, DATABASE_AWAY):
        return _later("the database does not answer")
    return error if isinstance(error, MainspringError) else MainspringError("unexpected")


def _later(detail: str) -> Unavailable:
    return Unavailable(detail, remedy="Send this line again in a moment.")
