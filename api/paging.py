"""Lists that come page by page, newest first: what may be asked of them, and how a page is read."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from sqlalchemy import Connection, Row, Select

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
    remedy = "Send `next_cursor` of the page before, unchanged."
    return parsed_id(cursor, "a cursor", field="cursor", remedy=remedy)


def parsed_id(given: str, what: str, *, field: str, remedy: str) -> UUID:
    """Raises InvalidRequest."""
    try:
        return UUID(given)
    except ValueError:
        raise InvalidRequest(f"this is not {what}", field=field, remedy=remedy) from None


def refuse_unknown_state(given: str | None, states: type[StrEnum]) -> None:
    """Raises InvalidRequest."""
    if given is not None and given not in set(states):
        raise InvalidRequest(
            "there is no such state", field="state", remedy=f"The states are: {', '.join(states)}."
        )


def read_page(
    connection: Connection,
    page: Select[Any],
    columns: dict[str, Any],
    wanted: dict[str, Any],
    *,
    tenant: UUID,
    before: UUID,
    most: int,
) -> tuple[Sequence[Row[Any]], bool]:
    """Of `page`, which binds the three, those whose columns are as `wanted`; and whether there is a next page."""
    for name, value in wanted.items():
        if value is not None:
            page = page.where(columns[name] == value)
    # One more than asked tells whether there is a next page.
    found = connection.execute(page, {"tenant": tenant, "before": before, "most": most + 1}).all()
    return found[:most], len(found) > most
