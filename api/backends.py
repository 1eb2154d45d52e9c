"""What a running api holds open: PostgreSQL's pool, Redis, the hub of notices, the sender of nudges, the intake, traces."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import anyio
from anyio import CapacityLimiter, to_thread
from prometheus_client import CollectorRegistry
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from api.figures import Figures
from api.hub import Hub
from api.intake import Intake
from api.nudge import Nudger
from api.places import Places
from mainspring.endpoints import database_url, redis_url
from mainspring.logs import log
from mainspring.messages import Answer
from mainspring.metrics.exposed import Exposed
from mainspring.serving import stream
from mainspring.serving.sweep import MOST_NUDGES
from mainspring.settings import Settings
from mainspring.tables import Database
from mainspring.tracing import Road

POOL_SIZE = 10
TELL_SECONDS = 0.5


@dataclass(frozen=True)
class Backends:
    """None of it needs its server to be there at the start: each connects when it is used, and again."""

    settings: Settings
    database: Database
    redis: Redis
    hub: Hub
    nudger: Nudger
    intake: Intake
    bulks: Places
    road: Road
    shown: CollectorRegistry  # what this process counts
    figures: Figures
    limiter: CapacityLimiter  # as many threads as the pool may open connections: nobody waits for one

    async def tell(self, channel: str, job_id: str) -> None:
        """A notice on its way at once; while Redis is away it is lost, and whoever waits finds the row."""
        try:
            with anyio.fail_after(TELL_SECONDS):
                await self.redis.publish(channel, job_id)
        except (RedisError, OSError) as error:  # OSError includes the time-out
            log.warning("notice.lost", channel=channel, error=type(error).__name__)

    async def follow(self, version: UUID | None, moved: int) -> None:
        """Versions changed: workers look at the rows at once, and jobs that were moved to one are claimed at once."""
        for _ in range(min(moved, MOST_NUDGES)):
            self.nudger.send(Answer(str(version), ""))
        await self.tell(stream.VERSIONS, "changed")


@asynccontextmanager
async def opened(settings: Settings, road: Road, shown: CollectorRegistry) -> AsyncIterator[Backends]:
    """It closes the road too."""
    database = Database(database_url(settings), pool_size=POOL_SIZE)
    pool = BlockingConnectionPool.from_url(
        redis_url(settings),
        max_connections=16,
        timeout=2,
        socket_timeout=2,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 1),
    )
    redis, hub, nudger = Redis.from_pool(pool), Hub(redis_url(settings)), Nudger(settings)
    exposed = Exposed(shown, "api", settings, database)
    try:
        intake = Intake(database, nudger)
        limiter = CapacityLimiter(2 * POOL_SIZE)
        figures = Figures(database, redis, limiter)
        yield Backends(
            settings, database, redis, hub, nudger, intake, Places(), road, shown, figures, limiter
        )
    finally:
        await to_thread.run_sync(exposed.close)
        await hub.close()
        await to_thread.run_sync(nudger.close)
        await redis.aclose()
        database.close()
        await to_thread.run_sync(road.close)
