"""Hours are counted once, whoever counts them how often; late labels reach them; they outlive what they count."""

from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from mainspring.figures.metrics import metrics
from mainspring.figures.rollup import Rolled, gathered_of, roll_up
from mainspring.figures.views import FiguresView, figures_view
from mainspring.tables import Database, Figures, Observation
from mainspring.tables.partitions import drop_before
from tests.core.monitoring.served import ended, hear, observe, place, say
from tests.rows import champion

HOUR = timedelta(hours=1)


@pytest.fixture
def version(database: Database) -> UUID:
    with database.transaction() as session:
        return champion(session).id


@pytest.fixture
def noon(database: Database) -> datetime:
    """Three weeks ago, for which there is a place."""
    day = (datetime.now(UTC) - timedelta(weeks=3)).replace(hour=12, minute=0, second=0, microsecond=0)
    place(database, day)
    return day


def rolled(database: Database, most: int = 10_000) -> list[Rolled]:
    """Until there is no more."""
    found: list[Rolled] = []
    while not found or found[-1].more:
        with database.begin() as connection:
            found.append(roll_up(connection, most))
    return found


def figures(database: Database, version: UUID, span: str, since: datetime) -> FiguresView:
    with database.transaction() as session:
        row = session.get_one(Figures, (version, span, since))
        return figures_view(gathered_of(row))


def requests(database: Database, span: str) -> int:
    with database.transaction() as session:
        counts = session.scalars(select(Figures.counts).where(Figures.span == span))
        return sum(one.get("requests", 0) for one in counts)


def test_an_hour_and_its_day(database: Database, version: UUID, noon: datetime) -> None:
    with database.transaction() as session:
        observe(session, version, [noon + timedelta(minutes=n) for n in range(60)], completion_tokens=10)
        observe(session, version, [noon + HOUR], state="failed", total_seconds=None)
        observe(session, version, [noon + HOUR], state="cancelled", queue_seconds=None)
    assert sum(one.hours for one in rolled(database)) == 2
    first = figures(database, version, "hour", noon)
    assert (first["requests"], first["tokens"]["completion"]) == (60, 600)
    assert first["latency"]["total"] is not None
    assert first["latency"]["total"]["p50"]["value"] == pytest.approx(1.1, rel=0.02)
    assert first["tokens_per_second"] is not None
    assert first["tokens_per_second"]["value"] == pytest.approx(10)
    day = figures(database, version, "day", noon.replace(hour=0))
    assert day["states"] == {"succeeded": 60, "failed": 1, "cancelled": 1}
    assert day["engagement"]["abandoned"] is not None
    assert day["engagement"]["abandoned"]["count"] == 62


def test_passes_that_end_in_the_middle_of_an_hour(database: Database, version: UUID, noon: datetime) -> None:
    """As after an outage: bounded passes, until all is counted."""
    with database.transaction() as session:
        observe(session, version, [noon + timedelta(minutes=7 * n) for n in range(100)])
    passes = rolled(database, most=30)
    assert len(passes) == 4
    assert sum(one.observations for one in passes) == 100
    assert requests(database, "hour") == requests(database, "day") == 100


def test_four_at_once_count_once(database: Database, version: UUID, noon: datetime) -> None:
    for number in range(3):
        with database.transaction() as session:
            observe(session, version, [noon + timedelta(minutes=13 * n + number) for n in range(50)])
        at_once = [Thread(target=rolled, args=(database, 20)) for _ in range(4)]
        for one in at_once:
            one.start()
        for one in at_once:
            one.join()
    rolled(database)
    assert requests(database, "hour") == requests(database, "day") == 150
    assert rolled(database) == [Rolled()]


def test_a_pass_that_dies_has_not_been(database: Database, version: UUID, noon: datetime) -> None:
    with database.transaction() as session:
        job = ended(session, version, noon)
        say(session, job, "rating", 1)
    assert hear(database) == 1
    with database.engine.connect() as connection:  # closed without a commit
        assert roll_up(connection).observations == 1
    assert requests(database, "hour") == 0
    with database.begin() as connection:
        assert roll_up(connection) == Rolled(1, 1, 1, more=False)
    assert requests(database, "hour") == 1


def test_a_late_label_reaches_its_hour(database: Database, version: UUID, noon: datetime) -> None:
    with database.transaction() as session:
        jobs = [ended(session, version, noon + timedelta(minutes=n)) for n in range(10)]
    rolled(database)
    assert figures(database, version, "hour", noon)["accuracy"] is None
    with database.transaction() as session:
        for job in jobs[:8]:
            say(session, job, "label", "Cat")
        say(session, jobs[8], "label", "dog")
        say(session, jobs[9], "label", "dog")
    with database.transaction() as session:  # the newest counts
        say(session, jobs[9], "label", "cat")
    assert hear(database) == 11
    assert rolled(database) == [Rolled(1, 0, 11, more=False)]
    for span, since in (("hour", noon), ("day", noon.replace(hour=0))):
        accuracy = figures(database, version, span, since)["accuracy"]
        assert accuracy is not None
        assert (accuracy["value"], accuracy["count"], accuracy["interval"]) == (0.9, 10, "wilson")
        assert accuracy["low"] == pytest.approx(0.596, abs=0.001)
        assert accuracy["high"] == pytest.approx(0.982, abs=0.001)


def test_what_people_and_the_world_say(database: Database, version: UUID, noon: datetime) -> None:
    with database.transaction() as session:
        jobs = [
            ended(session, version, noon + timedelta(minutes=n), output={"text": "yes"}) for n in range(20)
        ]
        for number, job in enumerate(jobs):
            say(session, job, "outcome", number % 2, "resolved")
            say(session, job, "outcome", 100.0 + number, "revenue")
            say(session, job, "label", "cat")  # there is no label to compare with
        say(session, jobs[0], "rating", -0.5)
        say(session, jobs[1], "correction", "no")
        say(session, jobs[2], "outcome", 1e300, "absurd")
        say(session, jobs[3], "outcome", -1e300, "absurd")
    hear(database)
    rolled(database)
    found = figures(database, version, "hour", noon)
    assert found["accuracy"] is None
    assert found["satisfaction"] is not None
    assert found["satisfaction"]["value"] == -0.5
    assert found["corrected"] is not None
    assert (found["corrected"]["value"], found["corrected"]["count"]) == (0.05, 20)
    resolved, revenue = found["outcomes"]["resolved"], found["outcomes"]["revenue"]
    assert (resolved["value"], resolved["interval"], resolved["count"]) == (0.5, "wilson", 20)
    assert (revenue["value"], revenue["interval"]) == (109.5, "t")
    assert revenue["low"] == pytest.approx(109.5 - 2.093 * (35 / 20) ** 0.5, abs=0.01)
    assert found["outcomes"]["absurd"]["low"] is None  # of two nobody can say


@pytest.mark.parametrize("hours", [3, 100])
def test_what_is_told_does_not_depend_on_the_rollup(
    database: Database, version: UUID, noon: datetime, hours: int
) -> None:
    """Beat is away while hours end: they are counted from the rows; when it is back, they are read, and are the same."""
    with database.transaction() as session:
        observe(session, version, [noon + timedelta(minutes=n) for n in range(30)])
    rolled(database)
    with database.transaction() as session:
        observe(session, version, [noon + timedelta(minutes=n) for n in range(30, 130)], mean_logprob=-1.0)
        ended(session, version, noon + 2 * HOUR + timedelta(minutes=10), seq=None)
    now = noon + 2 * HOUR + timedelta(minutes=20)
    away = told(database, hours, now)
    assert away.pop("requests") == 131
    assert [one.observations for one in rolled(database)] == [100]
    back = told(database, hours, now)
    assert back.pop("requests") == 131
    assert away == back
    for later in (now + timedelta(minutes=10), now + timedelta(days=2)):
        assert told(database, 100, later)["requests"] == 131


def told(database: Database, hours: int, now: datetime) -> dict[str, Any]:
    with database.transaction() as session:
        (found,) = metrics(session, "assistant", hours, now)["versions"]
    return {"series": found["series"], **found["figures"]}


def test_hours_outlive_their_observations(database: Database, version: UUID, noon: datetime) -> None:
    """And what is said of an answer later still counts, without emptying the rest."""
    with database.transaction() as session:
        jobs = [ended(session, version, noon + timedelta(minutes=n)) for n in range(5)]
    rolled(database)
    with database.each() as connection:
        assert drop_before(connection, "observations", noon + timedelta(weeks=2))
        assert connection.scalar(select(func.count()).select_from(Observation)) == 0
    assert rolled(database) == [Rolled()]
    with database.transaction() as session:
        say(session, jobs[0], "rating", 1)
    hear(database)
    rolled(database)
    for span, since in (("hour", noon), ("day", noon.replace(hour=0))):
        found = figures(database, version, span, since)
        assert found["requests"] == 5
        assert found["satisfaction"] is not None
