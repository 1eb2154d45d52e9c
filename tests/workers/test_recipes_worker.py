"""The train worker as it is started: it carries out what waits, and at SIGTERM leaves a run that can go on. What people wish of a run, it does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from mainspring import work
from mainspring.messages import Train
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, TrainingRun, Wish, WorkState
from mainspring.training.runs import request_run
from tests.api.serving import until as eventually
from workers.app import create_app, send

COMMAND = [
    "celery",
    "-A",
    "workers.train",
    "worker",
    "-P",
    "prefork",
    "-c",
    "1",
    "--max-tasks-per-child",
    "1",
]
LONG, SHORT = 100_000, 2  # steps


@pytest.fixture
def worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    mine = {
        "MAINSPRING_HOME": str(settings.home),
        "MAINSPRING_DATABASE_URL": settings.database_url,
        "MAINSPRING_REDIS_URL": settings.redis_url,
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen([sys.executable, "-m", *COMMAND, "-Q", "train"], env={**os.environ, **mine})
    yield process
    process.send_signal(signal.SIGQUIT)
    process.wait(timeout=30)


def ask(settings: Settings, database: Database, corpus: Path, steps: int) -> UUID:
    given = {"corpus": {"folder": str(corpus)}, "steps": steps, "batch_size": 1, "block_length": 16}
    with database.transaction() as session:
        session.merge(Deployment(name="d", task="text-generation", policy={}))
        session.flush()
        run = request_run(session, "d", "continued-pretraining", given | {"checkpoint_steps": LONG})
    send(create_app(settings, "train", []), Train(str(run.id)))
    return run.id


def until(database: Database, run_id: UUID, reached: Callable[[TrainingRun], bool]) -> TrainingRun:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with database.transaction() as session:
            run = session.get_one(TrainingRun, run_id)
        if reached(run):
            return run
        time.sleep(0.2)
    raise TimeoutError(f"{run.state} {run.activity} {run.error}")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for number in range(60):
        (tmp_path / f"{number}.txt").write_text(f"Gear {number} has {number * 7 % 31} teeth.")
    return tmp_path


@pytest.fixture
def long(settings: Settings, database: Database, worker: subprocess.Popen[bytes], corpus: Path) -> UUID:
    """A run that has begun and would take an hour."""
    asked = ask(settings, database, corpus, LONG)
    until(database, asked, lambda run: run.measures.get("step", 0) > 5)
    return asked


def checkpoints(settings: Settings, run_id: UUID, attempt: int) -> list[int]:
    """The steps of an attempt's complete ones."""
    folder = settings.home / "training" / str(run_id) / f"checkpoints-{attempt}"
    return [
        int(path.parent.name.rpartition("-")[2]) for path in folder.glob("checkpoint-*/trainer_state.json")
    ]


def test_a_run_is_paused_where_it_is_goes_on_from_there_and_is_cancelled(
    settings: Settings, database: Database, long: UUID
) -> None:
    with database.transaction() as session:
        work.ask(session, session.get_one(TrainingRun, long), Wish.PAUSE)
    paused = until(database, long, lambda run: run.state != WorkState.RUNNING)
    assert (paused.state, paused.wish, paused.losses) == (WorkState.PAUSED, None, 0)
    (kept,) = checkpoints(settings, long, 1)
    assert kept >= paused.measures["step"]
    with database.transaction() as session:
        work.resume(session, session.get_one(TrainingRun, long))
    send(create_app(settings, "train", []), Train(str(long)))
    again = until(database, long, lambda run: run.attempt == 2 and run.measures["step"] > kept)
    assert again.state == WorkState.RUNNING
    with database.transaction() as session:
        work.ask(session, session.get_one(TrainingRun, long), Wish.CANCEL)
    cancelled = until(database, long, lambda run: run.finished_at is not None)
    assert (cancelled.state, cancelled.version_id) == (WorkState.CANCELLED, None)
    eventually(lambda: not (settings.home / "training" / str(long)).exists(), 30)


def test_sigterm_in_the_middle(
    settings: Settings, database: Database, worker: subprocess.Popen[bytes], long: UUID
) -> None:
    worker.terminate()
    assert worker.wait(timeout=60) == 0
    run = until(database, long, lambda run: run.state != WorkState.RUNNING)
    assert (run.state, run.incarnation, run.losses) == (WorkState.QUEUED, None, 0)
    (kept,) = checkpoints(settings, long, 1)
    assert kept >= run.measures["step"]


def test_a_short_run_succeeds(
    settings: Settings, database: Database, worker: subprocess.Popen[bytes], corpus: Path
) -> None:
    short = ask(settings, database, corpus, SHORT)
    assert until(database, short, lambda run: run.finished_at is not None).state == WorkState.SUCCEEDED
