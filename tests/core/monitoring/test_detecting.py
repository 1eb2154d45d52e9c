"""From observations to alarms, in rows: each request counts once, however the passes fall."""

from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mainspring.monitor import alarms, classical
from mainspring.monitor.detect import Detected, Memory, detect, watched
from mainspring.tables import (
    Database,
    DriftAlarm,
    DriftReading,
    DriftWatch,
    Event,
    Observation,
    Reference,
    Version,
)
from tests.core.monitoring.traffic import about, observe
from tests.rows import champion

SIZE = 200
OF_WORDS = (
    select(DriftReading.value)
    .where(DriftReading.detector == "words_prompt")
    .order_by(DriftReading.span.desc())
    .limit(1)
)
POLICY = {"drift": {"reference": SIZE}}


@pytest.fixture
def version(database: Database) -> UUID:
    """In production, with a policy that takes a small reference."""
    with database.transaction() as session:
        made = champion(session)
        session.execute(text('update deployments set policy = \'{"drift": {"reference": 200}}\''))
    return made.id


def passes(database: Database, version: UUID, memory: Memory | None = None) -> list[Detected]:
    """Until there is no more, by a worker with that memory, or by one that has just begun."""
    found, known = [], memory or Memory()
    while not found or found[-1].more:
        with database.transaction() as session:
            found.append(detect(session, version, known))
    return found


def test_the_first_requests_are_the_reference_and_nobody_changes_it(
    database: Database, version: UUID
) -> None:
    rng = np.random.default_rng(1)
    with database.transaction() as session:
        assert list(watched(session)) == [version]
        observe(session, version, about(rng, 0, SIZE - 1))
    assert passes(database, version) == [Detected()]
    with database.transaction() as session:
        observe(session, version, about(rng, 0, 11))
    assert sum(one.requests for one in passes(database, version)) == 10
    with database.transaction() as session:
        normal = session.scalars(select(Reference)).one()
        assert (normal.size, len(normal.digest)) == (SIZE, 64)
        assert session.scalar(select(Event.reason).where(Event.kind == "reference.made"))
    for statement in ("update drift_references set size = 1", "delete from drift_references"):
        with pytest.raises(IntegrityError, match="never changed"), database.transaction() as session:
            session.execute(text(statement))


def test_a_new_subject_is_an_alarm_with_its_examples(database: Database, version: UUID) -> None:
    rng = np.random.default_rng(2)
    with database.transaction() as session:
        observe(session, version, about(rng, 0, SIZE + 300))
    assert not any(one.alarm for one in passes(database, version))
    with database.transaction() as session:
        strange = observe(session, version, about(rng, 1, 60))
    assert any(one.alarm for one in passes(database, version))
    with database.transaction() as session:
        alarm = session.scalars(select(DriftAlarm)).one()
        assert alarm.kind == "data"
        assert alarm.detector == "words_prompt"
        assert 300 < alarm.requests < 340
        assert set(alarm.details["examples"]) <= {str(job) for job in strange}
        said = session.scalars(select(Event).where(Event.kind == "drift.alarm")).one()
        assert said.inputs["alarm"] == str(alarm.id)


def test_requests_count_once_however_the_passes_fall(database: Database, version: UUID) -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        with database.transaction() as session:
            observe(session, version, about(rng, 0, 90))
        at_once = [Thread(target=passes, args=(database, version)) for _ in range(3)]
        for one in at_once:
            one.start()
        for one in at_once:
            one.join()
    passes(database, version)
    with database.transaction() as session:
        watch = session.scalars(select(DriftWatch)).one()
        assert watch.latest_requests == 5 * 90 - SIZE
        assert session.scalars(select(DriftReading.requests)).all()[-1] == watch.latest_requests


def test_what_takes_megabytes_is_read_once_by_whoever_keeps_it(database: Database, version: UUID) -> None:
    """The reference and the detectors: a pass of a worker that has them asks for neither."""
    rng, memory, asked = np.random.default_rng(13), Memory(), list[str]()
    event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    for _ in range(3):
        with database.transaction() as session:
            observe(session, version, about(rng, 0, SIZE))
        asked.clear()
        passes(database, version, memory)
    assert asked
    assert not [one for one in asked if ".content" in one]
    passes(database, version)
    assert [one for one in asked if "drift_references.content" in one]


def test_a_pass_that_dies_has_not_been(database: Database, version: UUID) -> None:
    rng, memory = np.random.default_rng(4), Memory()
    with database.transaction() as session:
        observe(session, version, about(rng, 0, SIZE + 50))
    passes(database, version, memory)
    with database.transaction() as session:
        before = session.scalars(select(DriftWatch)).one().latest_seq
        observe(session, version, about(rng, 0, 50))
    with Session(database.engine) as session:  # closed without a commit
        assert detect(session, version, memory).requests == 50
    with database.transaction() as session:
        assert session.scalars(select(DriftWatch)).one().latest_seq == before
    assert passes(database, version)[0].requests > 0
    with database.transaction() as session:
        assert session.scalars(select(DriftWatch)).one().latest_requests == 100


def test_whoever_takes_over_ends_where_the_other_was(database: Database, version: UUID) -> None:
    """From the row, and from what came since: the same evidence, to the last bit."""
    rng, memory = np.random.default_rng(6), Memory()
    with database.transaction() as session:
        observe(session, version, about(rng, 0, SIZE))
    for _ in range(4):
        with database.transaction() as session:
            observe(session, version, about(rng, 0, 70))
        passes(database, version, memory)
    with database.transaction() as session:
        told = session.scalars(OF_WORDS).one()
        assert told != 0
        session.execute(text("update drift_readings set value = 0"))
        session.execute(text("update drift_watches set latest_requests = 0"))
    passes(database, version)
    with database.transaction() as session:
        assert session.scalars(OF_WORDS).one() == told
        assert session.scalars(select(DriftWatch)).one().latest_requests == 280


def test_an_open_alarm_is_confirmed_and_ends_when_it_is_quiet(database: Database, version: UUID) -> None:
    rng = np.random.default_rng(5)
    with database.transaction() as session:
        observe(session, version, about(rng, 0, SIZE))
        observe(session, version, about(rng, 1, 200))
    passes(database, version)
    with database.transaction() as session:
        alarm = session.scalars(select(DriftAlarm)).one()
        assert alarm.crossings > 1
        assert alarm.ended_at is None
        observe(session, version, about(rng, 0, 4 * SIZE))
    passes(database, version)
    with database.transaction() as session:
        assert session.scalars(select(DriftAlarm)).one().ended_at is not None
        assert session.get_one(Version, version).label == "assistant@1"


def test_a_tenant_that_takes_up_anothers_subject_is_seen_in_its_segment(
    database: Database, version: UUID
) -> None:
    """All in all nothing is new; of the two that exchange what they ask it is."""
    rng, (small, large) = np.random.default_rng(7), (uuid4(), uuid4())

    def asked(tenant: UUID, subject: int, count: int) -> None:
        with database.transaction() as session:
            observe(session, version, about(rng, subject, count), tenant_id=tenant)

    with database.transaction() as session:
        session.execute(text('update deployments set policy = \'{"drift": {"reference": 600}}\''))
    for _ in range(20):
        asked(small, 0, 10)
        asked(large, 1, 20)
    assert not any(one.alarm for one in passes(database, version))
    for _ in range(30):
        asked(small, 1, 2)
        asked(large, 1, 4)
        asked(large, 0, 2)
    assert any(one.alarm for one in passes(database, version))
    with database.transaction() as session:
        alarm = session.scalars(select(DriftAlarm)).one()
        assert alarm.segment in {f"tenant={small}", f"tenant={large}"}
        assert set(session.scalars(select(DriftReading.segment))) == {
            "",
            f"tenant={small}",
            f"tenant={large}",
        }


def test_bad_minutes_in_a_row_are_operational_drift_and_one_slow_moment_is_none(
    database: Database, version: UUID
) -> None:
    rng = np.random.default_rng(8)
    with database.transaction() as session:
        observe(session, version, about(rng, 0, SIZE + 600))
        # Thirty at once, in one minute, are what a pause of the machine does.
        observe(session, version, about(rng, 0, 30), total_seconds=9.0)
        observe(session, version, about(rng, 0, 300))
    assert not any(one.alarm for one in passes(database, version))
    with database.transaction() as session:
        observe(session, version, about(rng, 0, 900), total_seconds=9.0)
    assert any(one.alarm for one in passes(database, version))
    with database.transaction() as session:
        alarm = session.scalars(select(DriftAlarm)).one()
        assert (alarm.kind, alarm.detector) == ("operational", "service")


def test_people_read_classical_measures_once_an_hour(database: Database, version: UUID) -> None:
    rng = np.random.default_rng(9)
    with database.transaction() as session:
        observe(session, version, about(rng, 0, SIZE + 150), prompt_tokens=20)
    passes(database, version)
    now = datetime.now(UTC)
    with database.transaction() as session:
        of = session.get_one(Version, version)
        assert classical.read(session, of, now) > 0
        assert classical.read(session, of, now) == 0
    measured = select(DriftReading).where(
        DriftReading.detector == "words_prompt", DriftReading.measure != "evidence"
    )
    with database.transaction() as session:
        quiet = {one.measure: one for one in session.scalars(measured)}
        assert quiet.keys() == {"mean_discrepancy", "domain_classifier"}
        assert 0.3 < quiet["domain_classifier"].value < 0.7
        assert quiet["mean_discrepancy"].details["chance"] > 0.001
        observe(session, version, about(rng, 1, 20))
    passes(database, version)
    with database.transaction() as session:
        observe(session, version, about(rng, 1, 150))
    passes(database, version)
    later = now + timedelta(hours=1)
    with database.transaction() as session:
        session.execute(text("update drift_watches set latest_requests = greatest(latest_requests, 150)"))
    with database.transaction() as session:
        classical.read(session, session.get_one(Version, version), later)
        loud = {one.measure: one for one in session.scalars(measured.where(DriftReading.span > now))}
        assert loud["domain_classifier"].value > 0.9
        assert loud["mean_discrepancy"].details["chance"] < 0.01


def test_a_confirmed_alarm_rests_for_longer_and_longer(database: Database, version: UUID) -> None:
    """What has moved for good is not begun anew for every dozen requests."""
    rng = np.random.default_rng(10)
    with database.transaction() as session:
        observe(session, version, about(rng, 0, SIZE))
        observe(session, version, about(rng, 1, 600))
    found = passes(database, version)
    with database.transaction() as session:
        alarm = session.scalars(select(DriftAlarm)).one()
        watch = session.scalars(select(DriftWatch)).one()
        newest = session.scalar(select(func.max(Observation.seq)))
    assert alarm.crossings <= 6
    assert sum(one.requests for one in found) == 600
    assert watch.latest_seq == newest


def test_after_another_encoder_its_vectors_wait_for_a_new_reference(
    database: Database, version: UUID
) -> None:
    """And everything else goes on."""
    rng = np.random.default_rng(11)
    with database.transaction() as session:
        observe(session, version, about(rng, 0, SIZE + 50))
    passes(database, version)
    wide = np.concatenate([about(rng, 0, 60), about(rng, 0, 60)], axis=1)
    with database.transaction() as session:
        observe(session, version, wide, prompt_tokens=20)
    assert passes(database, version)[-1].alarm is None
    with database.transaction() as session:
        assert session.scalars(select(DriftWatch)).one().latest_requests == 110
        assert classical.read(session, session.get_one(Version, version), datetime.now(UTC)) == 0


def test_a_reference_is_of_answers_and_not_of_failures(database: Database, version: UUID) -> None:
    rng = np.random.default_rng(12)
    with database.transaction() as session:
        observe(session, version, about(rng, 1, 30), state="failed")
        observe(session, version, about(rng, 0, SIZE - 1))
    assert passes(database, version) == [Detected()]
    with database.transaction() as session:
        observe(session, version, about(rng, 0, 1))
    passes(database, version)
    with database.transaction() as session:
        assert session.scalars(select(Reference)).one().size == SIZE


def test_what_is_open_ends_with_its_version(database: Database, version: UUID) -> None:
    rng = np.random.default_rng(13)
    with database.transaction() as session:
        observe(session, version, about(rng, 0, SIZE))
        observe(session, version, about(rng, 1, 30))
    passes(database, version)
    with database.transaction() as session:
        alarms.end_of_gone(session, watched(session))
        assert session.scalars(select(DriftAlarm)).one().ended_at is None
        alarms.end_of_gone(session, [])
    with database.transaction() as session:
        assert session.scalars(select(DriftAlarm)).one().ended_at is not None
