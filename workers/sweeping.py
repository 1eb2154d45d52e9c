"""One pass of the sweep: transaction first, then the messages and notices that follow from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from celery import Celery
from prometheus_client import CollectorRegistry
from redis import Redis
from redis.exceptions import RedisError

from mainspring.kept.keys import Keys
from mainspring.logs import log
from mainspring.monitor.detect import Memory
from mainspring.monitor.rounds import Rounds, notice_overdue
from mainspring.observe.eyes import Eyes
from mainspring.release.strays import take_in_strays
from mainspring.serving import stream
from mainspring.serving.conversation import release_forgotten
from mainspring.serving.sweep import expire, nudges, requeue_lost, untold
from mainspring.settings import Settings
from mainspring.tables import Database
from mainspring.tracing import UNTRACED, Road
from workers.app import send
from workers.chores import Chores
from workers.postman import Postman


@dataclass(frozen=True)
class Connections:
    """What an ops worker holds for its tasks."""

    settings: Settings
    database: Database
    redis: Redis
    postman: Postman
    rounds: Rounds
    eyes: Eyes
    road: Road = UNTRACED
    chores: Chores = field(default_factory=lambda: Chores(CollectorRegistry()))  # which nobody looks at
    detectors: Memory = field(default_factory=Memory)
    detecting: Lock = field(default_factory=Lock)
    keys: Keys = field(default_factory=lambda: Keys([]))  # nothing can be kept


def sweep_once(app: Celery, use: Connections) -> None:
    """And say what nobody has carried out for too long."""
    with use.rounds.recorded("sweep") as did:
        _sweep(app, use, did)
    with use.database.transaction() as session:
        for task in notice_overdue(session):
            log.error("beat.overdue", task=task)


def _sweep(app: Celery, use: Connections, did: dict[str, int]) -> None:
    settings, database, redis = use.settings, use.database, use.redis
    with database.transaction() as session:
        swept = requeue_lost(session, settings.max_losses)
        lost_notices = untold(session, swept.dead, settings.lease_seconds) if swept.dead else []
    for lost in swept.traced:
        use.road.died(lost)
    if (
        swept.requeued
    ):  # before anybody is nudged: some of it may be of a version that was taken back meanwhile
        with database.transaction() as session:
            take_in_strays(session)
    with database.transaction() as session:
        expired = expire(session)
        released = release_forgotten(session.connection())
    with database.transaction() as session:
        messages = nudges(
            session, lambda queues: lengths(redis, queues), 0 if swept.dead else settings.nudge_after_seconds
        )
    for message in messages:
        send(app, message)
    ended = [*swept.ended, *expired]
    found = {
        "dead": len(swept.dead),
        "requeued": swept.requeued,
        "nudged": len(messages),
        "ended": len(ended),
        "released": released,
    }
    use.chores.swept(**found)
    did.update(found)
    if any(found[kind] for kind in ("dead", "nudged", "ended", "released")):
        log.info("sweep", **found)
    if ended or lost_notices:
        _tell(redis, [str(job_id) for job_id in (*ended, *lost_notices)])


def lengths(redis: Redis, queues: Sequence[str]) -> list[int]:
    """How many messages wait on each."""
    pipe = redis.pipeline(transaction=False)
    for queue in queues:
        pipe.llen(queue)
    return [int(length) for length in pipe.execute()]


def _tell(redis: Redis, job_ids: list[str]) -> None:
    try:
        stream.notify(redis, stream.ENDED, job_ids)
    except RedisError as error:
        log.warning("sweep.untold", jobs=len(job_ids), error=type(error).__name__)
