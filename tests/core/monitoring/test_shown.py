"""What detectors, decisions and beat have left in rows, as Prometheus sees it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from mainspring.identifiers import uuid7
from mainspring.metrics import rows
from mainspring.monitor.rounds import Rounds
from mainspring.tables import (
    BeatRun,
    Database,
    DriftAlarm,
    DriftDecision,
    DriftReading,
    Reference,
    Task,
)
from tests.api.serving import produce

ONE = {"deployment": "assistant", "version": "assistant@1"}


def shown(database: Database, name: str) -> dict[tuple[str, ...], float]:
    """By the labels that are not the version's."""
    with database.begin() as connection:
        (family,) = (one for one in rows.families(connection) if one.name == f"mainspring_{name}")
    return {
        tuple(value for label, value in sample.labels.items() if label not in ONE): sample.value
        for sample in family.samples
    }


def test_when_beat_last_came_round(database: Database) -> None:
    with Rounds(database, {"sweep": 2.0}).recorded("sweep"):
        pass
    now = datetime.now(UTC).timestamp()
    assert shown(database, "beat_last_run_timestamp_seconds")["sweep",] == pytest.approx(now, abs=30)
    assert shown(database, "beat_interval_seconds") == {("sweep",): 2.0}
    assert 0 <= shown(database, "beat_duration_seconds")["sweep",] < 5
    with database.transaction() as session:
        session.execute(update(BeatRun).values(finished_at=datetime.now(UTC) - timedelta(hours=1)))
    assert shown(database, "beat_last_run_timestamp_seconds")["sweep",] == pytest.approx(now - 3600, abs=30)


def test_no_alarm_is_a_number_too(database: Database) -> None:
    produce(database, "assistant", Task.TEXT_GENERATION)
    assert set(shown(database, "drift_alarms").values()) == {0}
    assert shown(database, "drift_evidence") == shown(database, "drift_threshold") == {}


def test_the_last_reading_of_the_newest_reference(database: Database) -> None:
    version = produce(database, "assistant", Task.TEXT_GENERATION)
    old, new = uuid7(), uuid7()
    began = datetime.now(UTC)
    with database.transaction() as session:
        for reference, made in ((old, began - timedelta(hours=2)), (new, began)):
            about: dict[str, Any] = {
                "digest": "0",
                "content": b"",
                "made_by": "test",
                "reason": "",
                "size": 1,
            }
            session.add(
                Reference(
                    id=reference,
                    version_id=version,
                    origin="traffic",
                    first_seq=1,
                    last_seq=2,
                    made_at=made,
                    **about,
                )
            )
        session.flush()
        for reference, minutes, segment, value in (
            (old, 0, "", 9.0),
            (new, 20, "", 1.0),
            (new, 10, "", 3.5),
            (new, 0, "language:de", 4.0),
        ):
            span = began - timedelta(minutes=minutes)
            reading = {"detector": "words", "segment": segment, "requests": 5, "threshold": 4.6}
            session.add(DriftReading(reference_id=reference, span=span, value=value, **reading))
        alarm = {"deployment": "assistant", "detector": "words", "requests": 5, "value": 5, "threshold": 4.6}
        for ended in (None, began):
            session.add(
                DriftAlarm(
                    id=uuid7(),
                    reference_id=new,
                    version_id=version,
                    kind="data",
                    ended_at=ended,
                    **alarm,
                )
            )
        session.add(DriftDecision(deployment="assistant", state="watch", reasons=[]))
    assert shown(database, "drift_evidence") == {("words",): 3.5}
    assert shown(database, "drift_threshold") == {("words",): 4.6}
    assert shown(database, "drift_alarms") == {("data",): 2, ("performance",): 0, ("operational",): 0}
    assert shown(database, "drift_alarms_open")["data",] == 1
    assert shown(database, "drift_decision") == {("stable",): 0, ("watch",): 1, ("retrain",): 0}
