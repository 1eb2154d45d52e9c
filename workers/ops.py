"""The ops worker and beat: `celery -A workers.ops worker`, `celery -A workers.ops beat`. No torch here."""

import atexit
from contextlib import suppress
from typing import Any

from celery.signals import worker_init, worker_shutdown, worker_shutting_down
from redis import Redis
from sqlalchemy.exc import SQLAlchemyError

from mainspring.endpoints import database_url, redis_url
from mainspring.errors import StackError
from mainspring.kept.keys import keys_at_hand
from mainspring.logs import configure, log
from mainspring.messages import OPS_QUEUE
from mainspring.metrics.exposed import Exposed, registry
from mainspring.monitor.rounds import Rounds
from mainspring.observe.encoder import encoder
from mainspring.observe.eyes import Eyes
from mainspring.observe.words import Words
from mainspring.settings import Settings
from mainspring.tables import Database, Observation
from mainspring.tables.partitions import make_place
from mainspring.tracing import check, opened
from workers.app import create_app
from workers.chores import Chores
from workers.encoding import EncoderProcess
from workers.postman import Postman
from workers.schedule import intervals
from workers.sweeping import Connections

settings = Settings()
configure(settings.log_level, as_json=settings.log_json)
check(settings)  # here, since what a signal's or a step's handler raises Celery would only log
TASKS = (
    "sweep",
    "judge",
    "deliver",
    "observe",
    "refer",
    "detect",
    "decide",
    "refresh",
    "rollup",
    "forget",
    "mirror",
)
app = create_app(settings, OPS_QUEUE, [f"workers.tasks.{one}" for one in TASKS])


exposed: list[Exposed] = []


@worker_init.connect
def connect(**_: Any) -> None:
    """One pool of connections for the worker's threads; beat needs none."""
    database = Database(database_url(settings), pool_size=4)
    redis = Redis.from_url(redis_url(settings), socket_timeout=5, socket_connect_timeout=2)
    with suppress(SQLAlchemyError):  # away: it is made at the next round of `retain`, or by who needs it
        make_place(database.engine, Observation.__tablename__)
    road = opened(settings, "ops")
    atexit.register(road.close)  # the postman's last deliveries end after the worker's shutdown
    rounds = Rounds(database, intervals(settings))
    shown = registry()
    chores = Chores(shown)
    postman = Postman(settings, database, road, chores.tried)
    app.process = Connections(
        settings, database, redis, postman, rounds, _eyes(), road, chores, keys=keys_at_hand(settings)
    )
    exposed.append(Exposed(shown, "ops", settings, database))


def _eyes() -> Eyes:
    """Without an encoder everything else of this worker is as needed as with one."""
    try:
        folder = encoder(settings)
        return Eyes(Words(folder), EncoderProcess(settings, folder))
    except StackError as error:
        log.error("observe.blind", error=error.detail, remedy=error.remedy)
        return Eyes(None, None)


@worker_shutting_down.connect
def close(**_: Any) -> None:
    """Webhooks on their way are finished and written; no more are taken."""
    app.process.postman.close()
    app.process.eyes.close()


@worker_shutdown.connect
def hide(**_: Any) -> None:
    """Not in the signal's handler, which may have interrupted whoever holds the pool of connections."""
    for one in exposed:
        one.close()
