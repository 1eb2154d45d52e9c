"""The stages of a version: the table, its only writer, and the database's backstop say the same."""

from collections.abc import Iterator
from itertools import product
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mainspring.errors import IllegalTransition
from mainspring.lifecycle import TRANSITIONS, advance
from mainspring.tables import Database, Deployment, Event, Stage, Version
from tests.servers import Servers

PAIRS = [(a, b) for a, b in product(Stage, Stage) if a != b]


def a_version(session: Session, stage: Stage) -> Version:
    """Put where it is by the shortest legal way, through raw updates that the trigger lets pass."""
    name = f"d{uuid4().hex[:8]}"
    session.add(Deployment(name=name, task="text-generation"))
    version = Version(
        id=uuid4(), deployment=name, number=1, digest="0", path="0", architecture="x", parameters=1
    )
    session.add(version)
    session.flush()
    for step in way_to(stage):
        session.execute(update(Version).where(Version.id == version.id).values(stage=step.value))
    session.refresh(version)
    return version


def way_to(stage: Stage) -> list[Stage]:
    ways: dict[Stage, list[Stage]] = {Stage.REGISTERED: []}
    open_ends = [Stage.REGISTERED]
    while open_ends:
        at = open_ends.pop(0)
        for following in sorted(TRANSITIONS[at]):
            if following not in ways:
                ways[following] = [*ways[at], following]
                open_ends.append(following)
    return ways[stage]


@pytest.fixture(scope="module")
def shared(servers: Servers, template: str) -> Iterator[Database]:
    """One database for all pairs: each of them rolls back."""
    servers.create_database("lifecycle", template)
    database = Database(servers.database_url("lifecycle"))
    yield database
    database.close()


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=str)
def test_advance_and_the_trigger_allow_the_same(before: Stage, after: Stage, shared: Database) -> None:
    allowed = after in TRANSITIONS[before]
    with shared.engine.connect() as connection, Session(bind=connection) as session:
        version = a_version(session, before)
        if allowed:
            advance(session, version, after, actor="test", reason="because")
            event = session.scalars(select(Event).where(Event.about == version.label)).one()
            assert (event.inputs["from"], event.inputs["to"]) == (before, after)
            assert event.reason == "because"
        else:
            with pytest.raises(IllegalTransition, match="cannot become"):
                advance(session, version, after, actor="test", reason="because")
            with pytest.raises(IntegrityError, match="cannot go from"):
                session.execute(update(Version).where(Version.id == version.id).values(stage=after.value))
        session.rollback()


def test_a_version_is_born_registered(database: Database) -> None:
    with pytest.raises(IntegrityError, match="begins as registered"), database.transaction() as session:
        session.add(Deployment(name="d", task="fill-mask"))
        session.flush()
        born = Version(id=uuid4(), deployment="d", number=1, stage="production", digest="0", path="0")
        born.architecture, born.parameters = "x", 1
        session.add(born)


def test_a_deployment_has_one_champion(database: Database) -> None:
    with pytest.raises(IntegrityError, match="uq_versions_champion"), database.transaction() as session:
        session.add(Deployment(name="d", task="fill-mask"))
        session.flush()
        for number in (1, 2):
            version = Version(id=uuid4(), deployment="d", number=number, digest="0", path="0")
            version.architecture, version.parameters = "x", 1
            session.add(version)
            session.flush()
            advance(session, version, Stage.PRODUCTION, actor="test", reason="both at once")


@pytest.mark.parametrize("change", ["update events set reason = 'other'", "delete from events"])
def test_events_are_append_only(change: str, database: Database, key: str) -> None:
    assert key  # its making was an event
    with pytest.raises(IntegrityError, match="append-only"), database.transaction() as session:
        session.execute(text(change))
