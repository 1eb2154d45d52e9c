"""Verify the stored chain. The hashes are made anew here: nothing is taken on the word of the database's functions."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from mainspring.audit.chain import GENESIS, Finding, Link, diagnose

# The head in the same statement, so in the same snapshot: an event that is written meanwhile moves it.
_LINKS = text(
    """
    select head.position as head_position, head.hash as head_hash,
        events.position, events.previous, events.hash,
        jsonb_build_array(
            to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), kind, about, actor, reason, inputs
        )::text as body
    from (select) always left join audit_head head on true left join events on true
    order by events.position, id
    """
)
_TOGETHER = 1000


@dataclass(frozen=True)
class Report:
    """`head`: hash of the last event; who notes it can tell later whether all up to here was rewritten."""

    events: int
    head: bytes
    findings: list[Finding]


def verify(connection: Connection) -> Report:
    """Of all events as they stand now. Reads the log once; a second time, whole, if something is wrong with it."""
    place, behind, whole = 0, GENESIS, True
    head = (0, b"")  # as if somebody had taken it away
    for link, head in _links(connection):  # noqa: B007  the last one's is every one's
        if link is not None:
            place += 1
            whole = whole and link.position == place and link.previous == behind and link.sound(place)
            behind = link.hash
    if whole and head == (place, behind):
        return Report(place, behind, [])
    found = list(_links(connection))
    links = [link for link, _ in found if link is not None]
    return Report(len(links), found[0][1][1], diagnose(links, found[0][1]))


def _links(connection: Connection) -> Iterator[tuple[Link | None, tuple[int, bytes]]]:
    """Each with the head; None: there is no event."""
    for row in connection.execute(_LINKS, execution_options={"yield_per": _TOGETHER}):
        head = (0, b"") if row.head_position is None else (row.head_position, row.head_hash)
        link = None if row.position is None else Link(row.position, row.previous, row.hash, row.body)
        yield link, head
