"""What the mirror would show, from the rows; and that it harms nobody. tests/mlflow has the real MLflow."""

import json
from dataclasses import asdict
from datetime import timedelta
from statistics import fmean, quantiles

import pytest
from sqlalchemy import select, text

from mainspring.errors import MirrorAway
from mainspring.mirror import drifting, evaluations, judged, mirror, serving, training, versions
from mainspring.mirror.series import SERIES, served
from mainspring.mirror.things import Run, Status
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, DriftReading, Mirrored
from tests.core.local_running import free_port
from tests.core.monitoring.traffic import reference
from tests.living import DATASET, DIGEST, NOON, SECRET, TODAY, Life, day
from workers.schedule import beat_schedule


@pytest.fixture
def life(database: Database) -> Life:
    return Life(database)


def by_name(runs: list[Run]) -> dict[str, Run]:
    return {run.name: run for run in runs}


def test_a_deployment_is_a_registered_model(life: Life) -> None:
    with life.database.transaction() as session:
        [model] = versions.models(session)
    assert [one.label for one in model.versions] == ["assistant@1", "assistant@2"]
    assert model.aliases == {"champion": str(life.versions[0]), "challenger": str(life.versions[1])}
    assert model.versions[1].run_key == str(life.run)
    told = {
        "version": "assistant@2",
        "digest": DIGEST,
        "base": "a/base",
        "parent": "assistant@1",
        "dataset": DATASET,
        "dataset_examples": "120",
        "licence": "apache-2.0",
    }
    assert told.items() <= model.versions[1].tags.items()
    before = model.versions[1].digest
    life.promote()
    with life.database.transaction() as session:
        [model] = versions.models(session)
    assert model.aliases == {"champion": str(life.versions[1]), "challenger": None}
    assert [one.tags["stage"] for one in model.versions] == ["draining", "production"]
    assert model.versions[1].digest != before


def test_runs_and_evaluations_are_runs(life: Life) -> None:
    with life.database.transaction() as session:
        [trained], tried = training.runs(session), by_name(evaluations.runs(session))
    assert (trained.status, trained.settled, trained.tags["version"]) == (
        Status.FINISHED,
        True,
        "assistant@2",
    )
    assert trained.parameters["steps"] == "40"
    assert json.loads(trained.parameters["corpus"]) == {"folder": "notes"}
    assert {(one.metric, one.value, one.step, one.at) for one in trained.points} == {
        ("loss", 2.5, 40, day(1)),
        ("step", 40, 40, day(1)),
        ("training_seconds", 12.25, 40, day(1)),
    }
    first = tried["assistant@1 on acceptance"]
    figures = {one.metric: one.value for one in first.points}
    assert figures == {"tried": 2, "failed": 0, "right_share": 0.5, "seconds/p50": 1.5, "mean_logprob": -2.0}
    assert first.settled
    assert tried["assistant@2 on acceptance"].tags["prompts"] == "acceptance"


def test_an_evaluation_runs_until_all_is_answered(life: Life, database: Database) -> None:
    with database.transaction() as session:
        session.execute(
            text(
                "update trials set state = 'waiting', finished_at = null where version_id = :one and not \"right\""
            ),
            {"one": life.versions[0]},
        )
    with database.transaction() as session:
        tried = by_name(evaluations.runs(session))
    running, over = tried["assistant@1 on acceptance"], tried["assistant@2 on acceptance"]
    assert (running.status, running.points, running.settled) == (Status.RUNNING, (), False)
    assert (over.status, over.settled) == (Status.FINISHED, True)


def test_a_shadow_ends_with_its_rollout(life: Life, database: Database) -> None:
    name = "assistant@2 in the shadow of assistant@1"
    with database.transaction() as session:
        assert by_name(evaluations.runs(session))[name].status == Status.RUNNING
    life.promote()
    with database.transaction() as session:
        over = by_name(evaluations.runs(session))[name]
    assert (over.status, over.tags["rollout_state"]) == (Status.FINISHED, "promoted")
    assert {one.metric: one.value for one in over.points} == {"tried": 2, "failed": 0, "agreement": 0.75}


def test_a_run_that_goes_on_is_a_series_by_step(life: Life, database: Database) -> None:
    told = '{"step": 12, "training_loss": 3.5, "tokens_per_second": 900, "held_out": "x"}'
    with database.transaction() as session:
        session.execute(
            text(
                "update training_runs set state = 'succeeded', finished_at = null, measures = cast(:told as jsonb),"
                " parameters = parameters || cast(:learned as jsonb)"
            ),
            {"told": told, "learned": json.dumps({"dataset": DATASET})},
        )
    with database.transaction() as session:
        [going] = training.runs(session)
    assert [(one.metric, one.value, one.step, one.at) for one in going.points] == [
        ("progress/training_loss", 3.5, 12, day(2)),
        ("progress/tokens_per_second", 900, 12, day(2)),
    ]
    assert (going.tags["dataset"], going.settled) == (DATASET, False)
    assert [(one.digest, one.context) for one in going.inputs] == [(DATASET, "training")]


def test_what_a_suite_measured_is_a_run_settled_with_its_verdict(life: Life) -> None:
    life.measured(judged=False)
    with life.database.transaction() as session:
        [waits] = judged.runs(session)
    assert (waits.name, waits.settled, "decision" in waits.tags) == (
        "assistant@2 beside assistant@1",
        False,
        False,
    )
    life.measured()
    with life.database.transaction() as session:
        _, over = judged.runs(session)
    assert (over.settled, over.tags["decision"], over.tags["reasons"]) == (True, "accept", "It is better.")
    figures = {one.metric: one.value for one in over.points}
    assert (figures["likelihood.new/difference"], figures["likelihood.new/champion/low"]) == (2.0, -4.0)
    assert "likelihood.new/challenger/high" not in figures
    assert over.parameters == {"level": "0.95", "seed": "1"}


def test_a_day_is_what_its_answers_were(life: Life) -> None:
    seconds = [float(number) for number in range(1, 12)]
    for number, value in enumerate(seconds):
        life.answered(1, day(2) + timedelta(hours=number * 2), value, mean_logprob=-value)
    life.answered(
        1, day(2), 99.0, state="failed", prompt_tokens=None, completion_tokens=None, mean_logprob=None
    )
    life.answered(1, day(1), 5.0)  # of the next day, to the microsecond
    life.answered(1, TODAY, 7.0)  # which is not over
    life.answered(2, day(1), 6.0)
    until = serving.closed(NOON)
    with life.database.transaction() as session:
        points = serving.days(session, life.versions[0], day(3), until)
    assert {point.at for point in points} == {day(2), day(1)}
    figures = {point.metric: point.value for point in points if point.at == day(2)}
    assert (figures["requests"], figures["succeeded"], figures["failed"]) == (12, 11, 1)
    assert figures["prompt_tokens"] == 110
    assert figures["completion_tokens"] == 220
    assert figures["mean_logprob"] == pytest.approx(fmean(-value for value in seconds))
    hundredths = quantiles(seconds, n=100, method="inclusive")
    for name, share in (("p50", 50), ("p95", 95), ("p99", 99)):
        assert figures[f"seconds/{name}"] == pytest.approx(hundredths[share - 1])
        assert figures[f"queue_seconds/{name}"] == pytest.approx(hundredths[share - 1] / 4)
    steps = {point.at: point.step for point in points}
    assert steps[day(1)] == steps[day(2)] + 1


def test_a_day_is_over_some_minutes_after_midnight() -> None:
    assert serving.closed(TODAY + timedelta(minutes=4)) == day(1)
    assert serving.closed(TODAY + timedelta(minutes=6)) == TODAY


def test_what_the_detectors_read_is_a_series_of_each_measure(life: Life) -> None:
    """Once nothing of it changes any more; of a segment of the traffic nothing is shown."""
    with life.database.transaction() as session:
        normal = reference(session, life.versions[0])
        for minutes, segment in ((0, ""), (10, ""), (10, "language=en")):
            span = day(1) + timedelta(minutes=minutes)
            session.add(
                DriftReading(
                    reference_id=normal,
                    detector="words_prompt",
                    segment=segment,
                    span=span,
                    requests=5,
                    value=minutes / 10 - 1,
                )
            )
    with life.database.transaction() as session:
        shown = drifting.readings(session, life.versions[0], day(2), drifting.closed(NOON))
        assert drifting.readings(session, life.versions[1], day(2), NOON) == []
    assert [(point.metric, point.value) for point in shown] == [
        ("drift/words_prompt/evidence", -1.0),
        ("drift/words_prompt/evidence", 0.0),
    ]
    assert shown[1].step == shown[0].step + 1


def test_nothing_of_what_was_said_is_shown(life: Life) -> None:
    life.answered(1, day(1), 1.0)
    with life.database.transaction() as session:
        things = [*versions.models(session), *training.runs(session), *evaluations.runs(session)]
        things += [one.run for one in served(session)]
        points = [
            point
            for series in SERIES
            for one in life.versions
            for point in series.points(session, one, day(9), TODAY)
        ]
    shown = json.dumps([asdict(one) for one in (*things, *points)], default=str)
    assert "acceptance" in shown
    assert SECRET not in shown


def test_an_mlflow_that_is_away_is_told_and_nothing_is_noted(life: Life, settings: Settings) -> None:
    away = settings.model_copy(update={"mlflow_url": f"http://127.0.0.1:{free_port()}"})
    with pytest.raises(MirrorAway):
        mirror(life.database, away, NOON)
    with life.database.transaction() as session:
        assert set(session.scalars(select(Mirrored.kind))) == {"installation"}
        assert session.get_one(Deployment, "assistant").retired_at is None


def test_of_two_at_once_the_second_leaves(life: Life, settings: Settings) -> None:
    lock = text("select pg_advisory_xact_lock(hashtextextended('mainspring.mirror', 0))")
    away = settings.model_copy(update={"mlflow_url": f"http://127.0.0.1:{free_port()}"})
    with life.database.begin() as other:
        other.execute(lock)
        assert mirror(life.database, away, NOON) is None
    with pytest.raises(MirrorAway):
        mirror(life.database, away, NOON)


def test_beat_mirrors_where_there_is_an_mlflow() -> None:
    assert "mirror" not in beat_schedule(Settings(mlflow_url=""))
    entry = beat_schedule(Settings(mlflow_url="http://mlflow:5000"))["mirror"]
    assert (entry["task"], entry["options"]["queue"]) == ("mainspring.mirror", "ops")
