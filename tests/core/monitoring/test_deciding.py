"""Stable, to be watched, to be trained anew: the pure decision, and the rows and events that it leaves."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given, strategies
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from mainspring.drift.decide import Facts, decide
from mainspring.errors import Conflict
from mainspring.monitor import deciding
from mainspring.tables import (
    Database,
    DriftAlarm,
    DriftDecision,
    Event,
    RetrainingRequest,
    Version,
)
from tests.core.monitoring.traffic import about, observe, reference
from tests.rows import champion

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENTS = strategies.none() | strategies.timedeltas(timedelta(), timedelta(days=30)).map(
    lambda ago: NOW - ago
)


@pytest.mark.parametrize(
    ("facts", "state", "trigger"),
    [
        (Facts(NOW), "stable", None),
        (Facts(NOW, operational=NOW - HOUR), "watch", None),
        (Facts(NOW, data=NOW - HOUR, usable=200, minimum=200), "retrain", "alarm"),
        (Facts(NOW, data=NOW - HOUR, usable=199, minimum=200), "watch", None),
        (Facts(NOW, performance=NOW - HOUR, trained_at=NOW - HOUR, cooldown=2 * HOUR), "watch", None),
        (Facts(NOW, performance=NOW - HOUR, trained_at=NOW - HOUR, cooldown=HOUR), "retrain", "alarm"),
        (Facts(NOW, due=NOW - HOUR, trained_at=NOW, cooldown=HOUR), "retrain", "schedule"),
        (Facts(NOW, data=NOW, pending=("data drift",)), "retrain", None),
    ],
)
def test_decisions(facts: Facts, state: str, trigger: str | None) -> None:
    found = decide(facts)
    assert (found.state, found.trigger) == (state, trigger)
    assert found.reasons


@given(
    strategies.builds(
        Facts,
        now=strategies.just(NOW),
        data=MOMENTS,
        performance=MOMENTS,
        operational=MOMENTS,
        usable=strategies.integers(0, 500),
        minimum=strategies.integers(0, 500),
        trained_at=MOMENTS,
        cooldown=strategies.timedeltas(timedelta(), timedelta(days=30)),
        due=MOMENTS,
        asked=strategies.none() | strategies.just("somebody"),
        pending=strategies.sampled_from([(), ("data drift",)]),
    )
)
def test_never_two_at_once_never_without_cause_and_always_with_a_reason(facts: Facts) -> None:
    found = decide(facts)
    assert found.reasons
    assert not (facts.pending and found.trigger)
    if found.trigger == "alarm":
        assert facts.data or facts.performance
        assert facts.usable >= facts.minimum
        assert facts.trained_at is None or facts.now >= facts.trained_at + facts.cooldown
    if not (facts.data or facts.performance or facts.due or facts.asked or facts.pending):
        assert found.state != "retrain"


def alarmed(session: Session, version: Version, since: datetime, kind: str = "data") -> DriftAlarm:
    shared: dict[str, Any] = {"requests": 1, "value": 5.0, "threshold": 4.6}
    alarm = DriftAlarm(
        id=uuid4(),
        reference_id=reference(session, version.id),
        version_id=version.id,
        deployment=version.deployment,
        kind=kind,
        detector="words_prompt",
        since=since,
        **shared,
    )
    session.add(alarm)
    session.flush()
    return alarm


@pytest.fixture
def version(database: Database) -> UUID:
    with database.transaction() as session:
        return champion(session).id


def policy(database: Database, drift: str) -> None:
    with database.transaction() as session:
        session.execute(
            text("update deployments set policy = cast(:it as jsonb)"), {"it": f'{{"drift": {drift}}}'}
        )


def test_an_alarm_waits_for_data_and_then_asks_once(database: Database, version: UUID) -> None:
    policy(database, '{"minimum": 50}')
    began = datetime.now(UTC) - HOUR
    with database.transaction() as session:
        alarm = alarmed(session, session.get_one(Version, version), began).id
        found = deciding.decide_for(session, "assistant", datetime.now(UTC))
    assert found is not None
    assert (found.state, found.trigger) == ("watch", None)
    with database.transaction() as session:
        observe(session, version, about(np.random.default_rng(1), 0, 60))
    for _ in range(2):
        with database.transaction() as session:
            deciding.decide_for(session, "assistant", datetime.now(UTC))
    with database.transaction() as session:
        (request,) = session.scalars(select(RetrainingRequest)).all()
        assert (request.trigger, request.alarm_id, request.state) == ("alarm", alarm, "pending")
        assert session.get_one(DriftDecision, "assistant").state == "retrain"
        kinds = session.scalars(select(Event.kind).where(Event.kind.like("drift.%")).order_by(Event.id)).all()
        assert kinds == ["drift.decided", "drift.decided"]
        asked = session.scalars(select(Event).where(Event.kind == "retraining.requested")).one()
        assert asked.inputs["alarm"] == str(alarm)


def test_a_schedule_that_was_missed_is_caught_up_once(database: Database, version: UUID) -> None:
    policy(database, '{"schedule": "0 3 * * *", "cooldown_seconds": 0}')
    late = (datetime.now(UTC) + timedelta(days=5)).replace(hour=12)  # not a minute before it is due again
    with database.transaction() as session:
        found = deciding.decide_for(session, "assistant", late)
    assert found is not None
    assert found.trigger == "schedule"
    with database.transaction() as session:
        session.execute(
            text("update retraining_requests set state = 'done', created_at = :now"), {"now": late}
        )
        again = deciding.decide_for(session, "assistant", late + timedelta(minutes=1))
        assert again is not None
        assert again.trigger is None


def test_a_person_asks_once(database: Database, version: UUID) -> None:
    with database.transaction() as session:
        asked = deciding.ask(session, "assistant", actor="key x", reason="the manual has changed")
        assert (asked.trigger, asked.version_id) == ("person", version)
    with pytest.raises(Conflict), database.transaction() as session:
        deciding.ask(session, "assistant", actor="key x", reason="again")
