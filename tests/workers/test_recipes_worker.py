"""The train worker as it is started: it carries out what waits, and at SIGTERM leaves a run that can go on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from mainspring.messages import Train
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, TrainingRun, WorkState
from mainspring.training.runs import request_run
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


def test_sigterm_in_the_middle(
    settings: Settings, database: Database, worker: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    for number in range(60):
        (tmp_path / f"{number}.txt").write_text(f"Gear {number} has {number * 7 % 31} teeth.")
    short = ask(settings, database, tmp_path, SHORT)
    assert until(database, short, lambda run: run.finished_at is not None).state == WorkState.SUCCEEDED
    long = ask(settings, database, tmp_path, LONG)
    until(database, long, lambda run: run.measures.get("step", 0) > 5)
    worker.terminate()
    assert worker.wait(timeout=60) == 0
    run = until(database, long, lambda run: run.state != WorkState.RUNNING)
    assert (run.state, run.incarnation, run.losses) == (WorkState.QUEUED, None, 0)
    (checkpoint,) = (settings.home / "training" / str(long)).glob(
        "checkpoints-1/checkpoint-*/trainer_state.json"
    )
    assert int(checkpoint.parent.name.rpartition("-")[2]) >= run.measures["step"]
