"""Lists that come page by page, newest first: what their cursor and their limit may be."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from mainspring.errors import InvalidRequest

LONGEST_PAGE = 200
_FIRST = UUID(int=2**128 - 1)

Cursor = Annotated[str, Query(description="The `next_cursor` of the page before.")]
Limit = Annotated[str, Query(description="How many: 1 to 200.")]


def page_length(given: str) -> int:
    """Raises InvalidRequest."""
    if not given.isdecimal() or len(given) > 4 or not 1 <= int(given) <= LONGEST_PAGE:
        raise InvalidRequest("this is not a length of a page", field="limit", remedy="Send 1 to 200.")
    return int(given)


def earlier_than(cursor: str) -> UUID:
    """The id that all of the page come before. Raises InvalidRequest."""
    if not cursor:
        return _FIRST
    try:
        return UUID(cursor)
    except ValueError:
        raise InvalidRequest(
            "this is not a cursor", field="cursor", remedy="Send `next_cursor` of the page before, unchanged."
        ) from None
