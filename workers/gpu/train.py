"""Carry out training runs in a process of its own: claim, make, look at it, register, release, tell.

The run belongs to this life's attempt; all that is written of it repeats the fence.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from mainspring import registry
from mainspring.endpoints import database_url, redis_url
from mainspring.errors import MainspringError
from mainspring.logs import log
from mainspring.registry.remote import remote
from mainspring.serving import stream
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, Task, TrainingRun, Version
from mainspring.training import runs
from mainspring.training.errors import RunInterrupted, RunLost, TrainingFailed
from mainspring.training.recipes import (
    CONTINUED_PRETRAINING,
    ENCODER_FINE_TUNING,
    IMPORT,
    SHAPES,
)
from mainspring.training.runs import RunFence
from workers.gpu import registering
from workers.gpu.load import check_loadable
from workers.gpu.recipes import continued_pretraining, encoder_fine_tuning, imported
from workers.gpu.recipes.workshop import Made, Workshop
from workers.life import Life
from workers.persist import persist

Make = Callable[[Any, Task, Workshop], Made]
RECIPES: dict[str, Make] = {
    IMPORT: imported.make,
    CONTINUED_PRETRAINING: continued_pretraining.make,
    ENCODER_FINE_TUNING: encoder_fine_tuning.make,
}


def train(settings: Settings, stopping: Callable[[], bool]) -> None:
    """Run what is queued, the oldest first, until nothing is or the worker stops."""
    database = Database(database_url(settings), pool_size=2)
    lost = Event()
    life = Life(database, "train", settings, on_rebirth=lost.set)
    try:
        with _until_terminated(stopping) as stopped:
            while not stopped() and (run := _claim(database, settings, life.incarnation, lost)) is not None:
                _Attempt(database, settings, run, lambda: stopped() or lost.is_set()).carry_out()
    finally:
        with database.transaction() as session:
            runs.hand_back_all(session, life.incarnation)
        life.close()
        database.close()


class _Attempt:
    """One attempt of one run."""

    def __init__(
        self, database: Database, settings: Settings, run: TrainingRun, stopping: Callable[[], bool]
    ) -> None:
        assert run.incarnation is not None
        self._database, self._settings, self._run = database, settings, run
        self._fence = RunFence(run.id, run.incarnation, run.attempt)
        folder = settings.home / "training" / str(run.id)
        self._workshop = Workshop(folder, run.attempt, self._tell, stopping)

    def carry_out(self) -> None:
        log.info("run.started", run=str(self._run.id), recipe=self._run.recipe, attempt=self._run.attempt)
        with _Ending(self):
            version = self._make()
            log.info("run.succeeded", run=str(self._run.id), version=version.label)
            self._workshop.clear()
            _announce(self._settings)

    def _make(self) -> Version:
        task = self._task()
        shape = SHAPES[self._run.recipe]
        made = RECIPES[self._run.recipe](shape.model_validate(self._run.parameters), task, self._workshop)
        self._workshop.step(0.96, "checking that it loads")
        behind, base = remote(self._settings), made.source.get("base_digest")
        if behind is not None and base is not None:
            behind.fetch(base)
        found = registry.inspect(made.folder, task, self._settings.store)
        with registry.copied(self._settings.store, made.folder, found.files) as copy:
            checked = check_loadable(copy.folder, task.value)
            self._workshop.step(0.98, "registering it")
            stored = copy.keep()
        if behind is not None:
            behind.push(stored)
        return persist(lambda: self._release(made, found, stored, checked), self._settings.lease_seconds)

    def _release(
        self, made: Made, found: registry.Inspection, stored: registry.Stored, checked: dict[str, Any]
    ) -> Version:
        """Version, stage, events and the run's end are one transaction: all of it or nothing."""
        with self._database.transaction() as session:
            version = registering.register(session, self._run, made, found, stored, dtype=checked["dtype"])
            if not runs.finish_run(session, self._fence, version.id, registering.measures(made)):
                raise RunLost("the run belongs to another attempt")
            return version

    def fail(self, error: MainspringError) -> None:
        log.warning("run.failed", run=str(self._run.id), code=error.code)
        if self._insist(lambda session: runs.fail_run(session, self._fence, error.as_json())):
            self._workshop.clear()

    def hand_back(self) -> None:
        log.info("run.handed_back", run=str(self._run.id))
        activity = "queued again: its worker stopped"
        self._insist(lambda session: runs.hand_back_run(session, self._fence, activity))

    def _task(self) -> Task:
        with self._database.transaction() as session:
            deployment = session.get_one(Deployment, self._run.deployment)
            return Task(deployment.task)

    def _tell(self, fraction: float, activity: str, measures: dict[str, Any]) -> None:
        """A database that is away costs a line of progress, not the run."""
        try:
            held = self._write(
                lambda session: runs.progress(session, self._fence, fraction, activity, measures)
            )
        except DBAPIError as error:
            log.warning("run.untold", error=type(error).__name__)
            return
        if not held:
            raise RunLost("the run belongs to another attempt")

    def _write(self, work: Callable[[Session], bool]) -> bool:
        with self._database.transaction() as session:
            return work(session)

    def _insist(self, work: Callable[[Session], bool]) -> bool:
        return persist(lambda: self._write(work), self._settings.lease_seconds)


class _Ending:
    """However an attempt ends, its row says so: failed with the reason, queued again, or another's by now."""

    def __init__(self, attempt: _Attempt) -> None:
        self._attempt = attempt

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Swallows what the row now says; anything unforeseen goes on to the base task after the row has it."""
        if error is None or isinstance(error, RunLost):
            return True
        if isinstance(error, (RunInterrupted, OperationalError, InterfaceError)) or not isinstance(
            error, Exception
        ):
            self._attempt.hand_back()
            return isinstance(error, RunInterrupted)
        if isinstance(error, MainspringError):
            self._attempt.fail(error)
            return True
        what = type(error).__name__
        remedy = "See the train worker's log. Out of memory: a smaller batch_size or block_length."
        self._attempt.fail(TrainingFailed(f"the recipe ended with {what}", remedy=remedy))
        return False


def _claim(database: Database, settings: Settings, incarnation: UUID, lost: Event) -> TrainingRun | None:
    lost.clear()
    with database.transaction() as session:
        return runs.claim_run(session, None, incarnation, max_losses=settings.max_losses)


@contextmanager
def _until_terminated(stopping: Callable[[], bool]) -> Iterator[Callable[[], bool]]:
    """Within it SIGTERM asks for a checkpoint and an orderly end, instead of killing the process."""
    told = Event()
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        yield lambda: told.is_set() or stopping()
    finally:
        signal.signal(signal.SIGTERM, before)


def _announce(settings: Settings) -> None:
    """Infer workers look at once; without the notice they look a little later."""
    redis = Redis.from_url(redis_url(settings), socket_timeout=5, socket_connect_timeout=2)
    try:
        redis.publish(stream.VERSIONS, "changed")
    except RedisError as error:
        log.warning("run.unannounced", error=type(error).__name__)
    finally:
        redis.close()
