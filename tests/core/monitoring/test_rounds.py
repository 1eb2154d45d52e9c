"""Each of beat's rounds leaves when it was, how long it took and what it did; whoever is overdue is said so, once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from mainspring.monitor.rounds import Rounds, listed, notice_overdue
from mainspring.tables import BeatRun, Database, Event


def test_a_round_is_recorded_with_what_it_did(database: Database) -> None:
    rounds = Rounds(database, {"sweep": 2.0})
    for number in range(3):
        with rounds.recorded("sweep") as did:
            did["nudged"] += number
    with database.transaction() as session:
        (run,) = listed(session)
        assert (run.task, run.every, run.runs, run.did) == ("sweep", 2.0, 3, {"nudged": 2})
        assert run.error is None
        assert run.finished_at is not None
        assert run.finished_at >= run.started_at
        assert 0 <= (run.seconds or -1) < 5


def test_a_round_that_failed_is_named_and_was_not_one(database: Database) -> None:
    rounds = Rounds(database, {"sweep": 2.0})
    with pytest.raises(ValueError, match="no"), rounds.recorded("sweep"):
        raise ValueError("no")
    with database.transaction() as session:
        (run,) = listed(session)
        assert (run.error, run.finished_at) == ("ValueError", None)
    with rounds.recorded("sweep"):
        pass
    with database.transaction() as session:
        assert listed(session)[0].error is None


def test_who_is_overdue_is_an_event_once_until_it_comes_back(database: Database) -> None:
    rounds = Rounds(database, {"sweep": 2.0, "retain": 3600.0})
    for task in ("sweep", "retain"):
        with rounds.recorded(task):
            pass
    _ago(database, timedelta(minutes=10))
    with database.transaction() as session:
        assert list(notice_overdue(session)) == ["sweep"]
    with database.transaction() as session:
        assert list(notice_overdue(session)) == []
        (said,) = session.scalars(select(Event).where(Event.kind == "beat.overdue")).all()
        assert said.about == "sweep"
    with rounds.recorded("sweep"):
        pass
    with database.transaction() as session:
        assert list(notice_overdue(session)) == []
        assert not any(run.overdue for run in listed(session))


def _ago(database: Database, moment: timedelta) -> None:
    then = datetime.now(UTC) - moment
    with database.transaction() as session:
        session.execute(update(BeatRun).values(started_at=then, finished_at=then))
