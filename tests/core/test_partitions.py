"""Observations lie in weeks: made ahead, made when they are missing, dropped whole while others write."""

from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from mainspring.serving import answer, lease
from mainspring.serving.claim import claim
from mainspring.serving.engine import EngineAnswer
from mainspring.tables import Database, Job, Observation
from mainspring.tables.partitions import drop_before, ensure, named
from tests.rows import champion, submit

ANSWER = EngineAnswer({"text": "yes", "finish_reason": "stop"}, {"completion_tokens": 1})
TABLE = "observations"


def weeks(database: Database) -> set[str]:
    with database.transaction() as session:
        return set(
            session.scalars(
                text(
                    "select inhrelid::regclass::text from pg_inherits where inhparent = 'observations'::regclass"
                )
            )
        )


def observed(database: Database, version: object, at: datetime) -> None:
    with database.transaction() as session:
        session.add(Observation(job_id=uuid4(), version_id=version, at=at, state="succeeded"))


@pytest.fixture
def old(database: Database) -> datetime:
    """A moment ten weeks ago, for which there is a place."""
    moment = datetime.now(UTC) - timedelta(weeks=10)
    with database.begin() as connection:
        ensure(connection, TABLE, moment, weeks=1)
    return moment


def test_weeks_are_made_ahead_and_once(database: Database) -> None:
    later = datetime(2031, 5, 14, 12, tzinfo=UTC)
    with database.begin() as connection:
        made = ensure(connection, TABLE, later, weeks=2)
        again = ensure(connection, TABLE, later, weeks=2)
    assert made == ["observations_20310512", "observations_20310519", "observations_20310526"]
    assert again == []


def test_an_answer_whose_week_is_missing_makes_it(database: Database) -> None:
    """Nobody made weeks for longer than they last: no answer is lost for it."""
    with database.transaction() as session:
        version = champion(session).id
        worker = lease.begin(session, "infer", 60)
        submit(session)
    with database.each() as connection:
        job = claim(connection, version, worker)
        for week in weeks(database):
            connection.exec_driver_sql(f"alter table observations detach partition {week}")
            connection.exec_driver_sql(f"drop table {week}")
    assert job is not None
    with database.each() as connection:
        assert answer.succeed(connection, job.fence, ANSWER)
    with database.transaction() as session:
        assert session.scalar(select(Job.state)) == "succeeded"
        assert session.scalar(select(Observation.state)) == "succeeded"


def test_old_weeks_leave_and_the_rest_stays(database: Database, old: datetime) -> None:
    with database.transaction() as session:
        version = champion(session).id
    observed(database, version, old)
    observed(database, version, datetime.now(UTC))
    monday = old.date() - timedelta(days=old.weekday())
    with database.each() as connection:
        gone = drop_before(connection, TABLE, old + timedelta(weeks=2))
        again = drop_before(connection, TABLE, old + timedelta(weeks=2))
    assert named(TABLE, monday) in gone
    assert again == []
    with database.transaction() as session:
        assert len(session.scalars(select(Observation)).all()) == 1


def test_an_old_week_leaves_while_a_job_is_being_ended(database: Database, old: datetime) -> None:
    """Detaching waits for a writer that is in the middle; nobody else waits for the detaching."""
    with database.transaction() as session:
        version = champion(session).id
    gone: list[str] = []
    done = Event()

    def drop() -> None:
        with database.each() as connection:
            gone.extend(drop_before(connection, TABLE, old + timedelta(weeks=2)))
        done.set()

    with database.transaction() as slow:
        slow.add(Observation(job_id=uuid4(), version_id=version, at=datetime.now(UTC), state="succeeded"))
        slow.flush()
        dropper = Thread(target=drop)
        dropper.start()
        _until_it_waits(database)
        began = datetime.now(UTC)
        observed(database, version, datetime.now(UTC))
        assert datetime.now(UTC) - began < timedelta(seconds=1)
        assert not done.is_set()
    dropper.join(10)
    assert len(gone) == 2


def _until_it_waits(database: Database) -> None:
    waiting = text(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%detach partition%'"
    )
    for _ in range(1000):
        with database.transaction() as session:
            if session.scalar(waiting):
                return
    raise AssertionError("nobody waits")


def test_what_was_detached_by_a_dropper_that_died_is_dropped(database: Database, old: datetime) -> None:
    monday = old.date() - timedelta(days=old.weekday())
    with database.each() as connection:
        connection.exec_driver_sql(
            f"alter table observations detach partition {named(TABLE, monday)} concurrently"
        )
        assert named(TABLE, monday) in drop_before(connection, TABLE, old + timedelta(weeks=2))
