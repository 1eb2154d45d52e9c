"""The task `rollup` in an ops worker: recorded, and once, whoever carries it out."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import UUID

import pytest
from redis import Redis
from sqlalchemy import select

from mainspring.settings import Settings
from mainspring.tables import BeatRun, Database, Figures
from tests.core.monitoring.served import observe, place
from tests.rows import champion
from tests.workers.rounds import connections
from workers.postman import Postman
from workers.sweeping import Connections
from workers.watching import roll_up_once


@pytest.fixture
def version(database: Database) -> UUID:
    with database.transaction() as session:
        return champion(session).id


@pytest.fixture
def use(settings: Settings, database: Database, redis: Redis) -> Iterator[Connections]:
    postman = Postman(settings, database)
    yield connections(settings, database, redis, postman)
    postman.close()


def test_two_workers_and_a_beat_that_was_away(use: Connections, database: Database, version: UUID) -> None:
    """Ten minutes are missed, over the end of an hour; then two are asked at once."""
    began = datetime.now(UTC).replace(minute=52, second=0, microsecond=0) - timedelta(hours=2)
    place(database, began)
    with database.transaction() as session:
        observe(session, version, [began + timedelta(seconds=10 * n) for n in range(12)])
    roll_up_once(use)
    with database.transaction() as session:
        observe(session, version, [began + timedelta(minutes=2, seconds=10 * n) for n in range(60)])
    both = [Thread(target=roll_up_once, args=(use,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    with database.transaction() as session:
        counted = session.scalars(
            select(Figures.counts["requests"].as_integer())
            .where(Figures.span == "hour")
            .order_by(Figures.since)
        ).all()
        run = session.get_one(BeatRun, "rollup")
    assert counted == [48, 24]
    assert (run.runs, run.error) == (3, None)
