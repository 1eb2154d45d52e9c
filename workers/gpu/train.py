"""Carry out what waits for the train worker in a process of its own: datasets, evaluations, training runs."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from redis import Redis
from redis.exceptions import RedisError

from mainspring import work
from mainspring.endpoints import database_url, redis_url
from mainspring.logs import log
from mainspring.serving import stream
from mainspring.settings import Settings
from mainspring.tables import Database, Dataset, Evaluation, TrainingRun
from mainspring.work import AnyWork, Fence
from workers.gpu.attempt import Attempt, Bench
from workers.gpu.curation import CurationAttempt
from workers.gpu.evaluation import EvaluationAttempt
from workers.gpu.run import RunAttempt
from workers.life import Life


def train(settings: Settings, stopping: Callable[[], bool]) -> None:
    """One piece of work after the other, until none waits or the worker stops."""
    database = Database(database_url(settings), pool_size=2)
    lost = Event()
    life = Life(database, "train", settings, on_rebirth=lost.set)
    try:
        with _until_terminated(stopping) as stopped:
            bench = Bench(settings, database, lambda: stopped() or lost.is_set())
            while not stopped():
                lost.clear()
                with database.transaction() as session:
                    found = work.claim(session, life.incarnation, max_losses=settings.max_losses)
                if found is None:
                    return
                if attempt(bench, found).carry_out():
                    _announce(settings)
    finally:
        with database.transaction() as session:
            work.hand_back_all(session, life.incarnation)
        life.close()
        database.close()


def attempt(bench: Bench, found: AnyWork) -> Attempt:
    """Of what was just claimed."""
    assert found.incarnation is not None
    fence = Fence(type(found), found.id, found.incarnation, found.attempt)
    match found:
        case Dataset():
            return CurationAttempt(bench, fence, found)
        case Evaluation():
            return EvaluationAttempt(bench, fence, found)
        case TrainingRun():
            return RunAttempt(bench, fence, found)


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
