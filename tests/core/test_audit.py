"""The log of events shows what was done to it: which event was edited, removed, swapped or inserted."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text

from mainspring.audit import GENESIS, Finding, Link, Trouble, diagnose, digest, verify
from mainspring.tables import Database, Event

EVENTS = 12
SWAP = """
    update events mine set {columns} from events theirs
    where (mine.position, theirs.position) in ((4, 9), (9, 4))
"""
INSERT = """
    insert into events (kind, about, actor, reason, inputs, position, previous, hash)
    select 'version.advanced', 'assistant@1', 'nobody', 'as if', '{{}}', {position}, {previous}, sha256('x')
    from events where position = 5
"""


@pytest.fixture
def log(database: Database) -> Database:
    """Twelve events, whatever the template has written."""
    with database.transaction() as session:
        written = verify(session.connection()).events
        for number in range(written, EVENTS):
            session.add(
                Event(
                    kind="test",
                    about=f"job {number}",
                    actor="a test",
                    reason='ü, "n" and 1.50',
                    inputs={"n": 1.5e3},
                )
            )
            session.flush()
    return database


@contextmanager
def tampering(database: Database) -> Iterator[Connection]:
    """As somebody who owns the database can: without triggers and constraints."""
    with database.begin() as connection:
        connection.execute(text("alter table events disable trigger user"))
        connection.execute(text("alter table events drop constraint uq_events_position"))
        yield connection
        connection.execute(text("alter table events enable trigger user"))


def found(database: Database) -> list[Finding]:
    with database.begin() as connection:
        return verify(connection).findings


def test_what_nobody_touched_is_whole(log: Database) -> None:
    with log.begin() as connection:
        report = verify(connection)
    assert (report.events, report.findings) == (EVENTS, [])


@pytest.mark.parametrize("position", [1, 5, EVENTS])
@pytest.mark.parametrize(
    "change",
    [
        "reason = 'another one'",
        "actor = 'somebody'",
        "about = 'assistant@2'",
        "inputs = '{\"n\": 2}'",
        "at = at + interval '1 microsecond'",
        "hash = sha256('x')",
    ],
)
def test_an_edited_event(log: Database, change: str, position: int) -> None:
    with tampering(log) as connection:
        connection.execute(text(f"update events set {change} where position = {position}"))
    assert found(log) == [Finding(position, Trouble.EDITED)]


@pytest.mark.parametrize("position", [1, 5, EVENTS])
def test_an_edited_event_with_its_hash_made_anew(log: Database, position: int) -> None:
    with tampering(log) as connection:
        connection.execute(
            text(f"update events set reason = 'another one' where position = {position}"),
        )
        connection.execute(
            text(
                "update events set hash = sha256(previous || convert_to(event_text(events), 'UTF8'))"
                f" where position = {position}"
            )
        )
    assert found(log) == [Finding(position, Trouble.EDITED)]


@pytest.mark.parametrize("position", [1, 5, EVENTS])
@pytest.mark.parametrize("closed", [False, True], ids=["gap", "closed"])
def test_a_removed_event(log: Database, position: int, *, closed: bool) -> None:
    with tampering(log) as connection:
        connection.execute(text(f"delete from events where position = {position}"))
        if closed:
            connection.execute(text(f"update events set position = position - 1 where position > {position}"))
    assert Finding(position, Trouble.REMOVED) in found(log)
    assert {one.trouble for one in found(log)} == {Trouble.REMOVED}


def test_several_removed_events(log: Database) -> None:
    with tampering(log) as connection:
        connection.execute(text("delete from events where position in (3, 4, 11)"))
    assert found(log) == [Finding(one, Trouble.REMOVED) for one in (3, 4, 11)]


@pytest.mark.parametrize(
    "columns",
    [
        "position = theirs.position",
        (
            "kind = theirs.kind, about = theirs.about, actor = theirs.actor, at = theirs.at,"
            " reason = theirs.reason, inputs = theirs.inputs"
        ),
    ],
    ids=["places", "words"],
)
def test_two_swapped_events(log: Database, columns: str) -> None:
    with tampering(log) as connection:
        connection.execute(text(SWAP.format(columns=columns)))
    assert found(log) == [Finding(4, Trouble.SWAPPED, 9), Finding(9, Trouble.SWAPPED, 4)]


@pytest.mark.parametrize("previous", ["previous", "hash"], ids=["beside", "behind"])
def test_an_inserted_event(log: Database, previous: str) -> None:
    """Beside one in the middle, or behind it with the others moved on."""
    with tampering(log) as connection:
        if previous == "hash":
            connection.execute(text("update events set position = position + 1 where position > 5"))
        position = {"previous": 5, "hash": 6}[previous]
        connection.execute(text(INSERT.format(position=position, previous=previous)))
    assert found(log) == [Finding(position, Trouble.INSERTED)]


def test_an_event_inserted_at_the_end(log: Database) -> None:
    with tampering(log) as connection:
        connection.execute(text(INSERT.format(position=EVENTS + 1, previous="hash")))
    assert found(log) == [Finding(EVENTS + 1, Trouble.INSERTED)]


def test_a_log_emptied_to_the_last(log: Database) -> None:
    with tampering(log) as connection:
        connection.execute(text("truncate events"))
    assert found(log) == [Finding(one, Trouble.REMOVED) for one in range(1, EVENTS + 1)]


def test_thousands_are_told_apart_quickly() -> None:
    """One of twenty thousand is edited, and another one gone."""
    links, behind = [], GENESIS
    for place in range(1, 20_001):
        made = digest(behind, place, f"event {place}")
        links.append(Link(place, behind, made, f"event {place}" if place != 777 else "another"))
        behind = made
    del links[15_000]
    assert diagnose(links, (20_000, behind)) == [
        Finding(777, Trouble.EDITED),
        Finding(15_001, Trouble.REMOVED),
    ]


def test_two_that_write_at_once_follow_each_other(log: Database) -> None:
    """The second waits for the first one's commit, and then follows it."""
    from concurrent.futures import ThreadPoolExecutor

    def write(number: int) -> None:
        with log.transaction() as session:
            session.add(Event(kind="test", about=f"writer {number}", actor="a test", reason="at once"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    with log.begin() as connection:
        report = verify(connection)
    assert (report.events, report.findings) == (EVENTS + 40, [])
