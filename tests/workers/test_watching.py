"""Beat is away and comes back, or there are two of them: each job is looked at once, and each piece of work done once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import UUID

import numpy as np
import pytest
from celery import Celery
from redis import Redis
from sqlalchemy import func, select, text, update

from mainspring.identifiers import uuid7
from mainspring.observe.encoder import bundled
from mainspring.observe.eyes import Eyes
from mainspring.observe.words import Words
from mainspring.serving import answer, lease
from mainspring.serving.claim import claim
from mainspring.serving.engine import EngineAnswer
from mainspring.settings import Settings
from mainspring.tables import (
    BeatRun,
    Database,
    DriftAlarm,
    DriftWatch,
    Event,
    Feedback,
    Observation,
    Reference,
    ReferenceRequest,
    RetrainingRequest,
)
from mainspring.trials.prompts import Given, keep
from tests.rows import champion, submit
from tests.workers.rounds import connections
from workers.app import create_app
from workers.encoding import EncoderProcess
from workers.postman import Postman
from workers.sweeping import Connections, sweep_once
from workers.watching import decide_once, detect_once, observe_once, refer_once

OLD = "how to open a file and read the lines of it, number {}"
NEW = "the integral of a polynomial over the complex plane, number {}"


@pytest.fixture
def app(settings: Settings) -> Celery:
    return create_app(settings, "ops", [])


@pytest.fixture
def use(settings: Settings, database: Database, redis: Redis) -> Connections:
    return seeing(settings, database, redis)


def seeing(settings: Settings, database: Database, redis: Redis) -> Connections:
    made = connections(settings, database, redis, Postman(settings, database))
    return Connections(
        made.settings, made.database, made.redis, made.postman, made.rounds, Eyes(Words(bundled()), None)
    )


def answered(
    database: Database, worker: UUID, version: UUID, texts: list[str], output: dict[str, str] | None = None
) -> list[UUID]:
    """As fast as ever, whatever else the machine has to do: what shall move is what is asked."""
    jobs = []
    with database.transaction() as session:
        for one in texts:
            submit(session, input=one)
    with database.each() as connection:
        for _ in texts:
            job = claim(connection, version, worker)
            assert job is not None
            said = EngineAnswer(output or {"text": "yes"}, {"prompt_tokens": 9})
            assert answer.succeed(connection, job.fence, said)
            jobs.append(job.fence.job_id)
    took = {"queue_seconds": 0.01, "total_seconds": 0.1}
    with database.transaction() as session:
        session.execute(update(Observation).where(Observation.job_id.in_(jobs)).values(took))
    return jobs


@pytest.fixture
def serving(database: Database) -> tuple[UUID, UUID]:
    """A worker's life, and the version that answers."""
    with database.transaction() as session:
        version, worker = champion(session).id, lease.begin(session, "infer", 600)
        session.execute(
            text('update deployments set policy = \'{"drift": {"reference": 120, "minimum": 5}}\'')
        )
    return worker, version


def beat(use: Connections) -> None:
    observe_once(use)
    detect_once(use)
    decide_once(use)


def test_away_for_ten_minutes_it_catches_up_and_counts_nothing_twice(
    app: Celery, use: Connections, database: Database, serving: tuple[UUID, UUID]
) -> None:
    draw = np.random.default_rng(1)
    answered(database, *serving, [OLD.format(draw.integers(1000)) for _ in range(200)])
    beat(use)
    answered(database, *serving, [OLD.format(draw.integers(1000)) for _ in range(60)])
    answered(database, *serving, [NEW.format(draw.integers(1000)) for _ in range(60)])
    with database.transaction() as session:
        ago = datetime.now(UTC) - timedelta(minutes=10)
        session.execute(update(BeatRun).values(started_at=ago, finished_at=ago))
        assert session.scalar(select(func.count()).where(Observation.seq.is_(None))) == 120
    sweep_once(app, use)
    beat(use)
    beat(use)
    with database.transaction() as session:
        late = set(session.scalars(select(Event.about).where(Event.kind == "beat.overdue")))
        assert late == {"observe", "detect", "decide"}
        assert not session.scalar(select(func.count()).where(Observation.seq.is_(None)))
        assert session.scalar(select(func.count()).select_from(Observation)) == 320
        alarm = session.scalars(select(DriftAlarm)).one()
        assert {"integral", "polynomial"} <= set(alarm.details["terms"])
        assert session.scalars(select(RetrainingRequest)).one().alarm_id == alarm.id
        assert not session.scalar(select(func.count()).where(BeatRun.overdue))


def test_two_beats_at_once_do_each_piece_of_work_once(
    settings: Settings, database: Database, redis: Redis, serving: tuple[UUID, UUID]
) -> None:
    """Two ops workers, each with a memory of its own, are asked for everything at the same time, again and again."""
    workers = [seeing(settings, database, redis) for _ in range(2)]
    draw = np.random.default_rng(2)
    for number in range(6):
        about = NEW if number == 5 else OLD
        answered(database, *serving, [about.format(draw.integers(1000)) for _ in range(60)])
        rounds = [Thread(target=beat, args=(one,)) for one in workers for _ in range(2)]
        for one in rounds:
            one.start()
        for one in rounds:
            one.join()
    for one in workers:
        beat(one)
    with database.transaction() as session:
        seqs = session.scalars(select(Observation.seq)).all()
        assert len(set(seqs)) == 360
        assert len(session.scalars(select(Reference)).all()) == 1
        assert len(session.scalars(select(DriftAlarm)).all()) == 1
        assert len(session.scalars(select(RetrainingRequest)).all()) == 1
        watch = session.scalars(select(DriftWatch)).one()
        given = session.scalar(select(func.count()).where(Observation.seq <= watch.latest_seq))
        kinds = session.scalars(select(Event.kind)).all()
        assert given == 360
        assert kinds.count("drift.alarm") == kinds.count("retraining.requested") == 1


def test_labels_that_come_late_tell_that_answers_have_become_wrong(
    use: Connections, database: Database, serving: tuple[UUID, UUID]
) -> None:
    """As many as one in ten were wrong before; now nine of ten are. What was said is given to the detectors once."""
    with database.transaction() as session:
        session.execute(text("update deployments set task = 'text-classification'"))
    draw = np.random.default_rng(3)
    jobs = answered(database, *serving, [OLD.format(draw.integers(1000)) for _ in range(360)], {"label": "a"})
    beat(use)
    labelled(database, jobs[:160], wrong=0.1)
    answered(database, *serving, [OLD.format(1)], {"label": "a"})
    beat(use)
    with database.transaction() as session:
        assert session.scalars(select(DriftAlarm)).all() == []
        assert session.scalar(select(func.count()).where(Feedback.loss == 1)) == 16
    labelled(database, jobs[160:], wrong=0.9)
    answered(database, *serving, [OLD.format(2)], {"label": "a"})
    beat(use)
    beat(use)
    with database.transaction() as session:
        alarm = session.scalars(select(DriftAlarm)).one()
        assert (alarm.kind, alarm.detector) == ("performance", "said")
        assert not session.scalar(select(func.count()).where(Feedback.seq.is_(None)))


def test_prompts_become_a_reference_by_the_encoder_and_its_traffic_is_quiet(
    settings: Settings, use: Connections, database: Database, serving: tuple[UUID, UUID]
) -> None:
    """As the policy says, at the version's first round; then what is asked is what it was evaluated on."""
    draw = np.random.default_rng(4)
    with database.transaction() as session:
        given = [Given(OLD.format(number), {}) for number in draw.permutation(1000)[:80]]
        keep(session, "assistant", "evaluated", given)
        policy = '{"drift": {"reference": 120, "prompts": "evaluated"}}'
        session.execute(text("update deployments set policy = cast(:policy as jsonb)"), {"policy": policy})
    encoder = EncoderProcess(settings, bundled())
    watching = replace(use, eyes=Eyes(Words(bundled()), encoder))
    try:
        beat(watching)
        with database.transaction() as session:
            assert session.scalars(select(ReferenceRequest.state)).one() == "waiting"
        refer_once(watching)
    finally:
        encoder.close()
    with database.transaction() as session:
        request = session.scalars(select(ReferenceRequest)).one()
        assert (request.state, request.read) == ("made", 80)
        made = session.get_one(Reference, request.reference_id)
        assert set(made.origins) == {"words_prompt", "encoded_prompt"}
        did = session.get_one(BeatRun, "refer").did
        assert did == {"made": 1}
    answered(database, *serving, [OLD.format(draw.integers(1000)) for _ in range(130)])
    beat(use)
    answered(database, *serving, [OLD.format(draw.integers(1000)) for _ in range(10)])
    beat(use)
    with database.transaction() as session:
        assert session.scalars(select(DriftAlarm)).all() == []
        whole = session.scalars(select(Reference).where(~Reference.awaits_traffic)).one()
        assert whole.origins["prompt_tokens"] == "traffic"
    answered(database, *serving, [NEW.format(draw.integers(1000)) for _ in range(60)])
    beat(use)
    with database.transaction() as session:
        assert {"integral", "polynomial"} <= set(session.scalars(select(DriftAlarm)).one().details["terms"])


def labelled(database: Database, jobs: list[UUID], wrong: float) -> None:
    """Every so many of them wrong."""
    with database.transaction() as session:
        for place, job in enumerate(jobs):
            said = "b" if int((place + 1) * wrong) > int(place * wrong) else "A"
            session.add(Feedback(id=uuid7(), job_id=job, kind="label", value=said))
