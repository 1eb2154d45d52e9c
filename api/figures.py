"""What the rows and Redis say, for Prometheus: read at most once in a few seconds, whoever asks and how often."""

from collections.abc import Iterable
from time import monotonic

import anyio
from anyio import CapacityLimiter, Lock, to_thread
from prometheus_client import generate_latest
from prometheus_client.core import Metric
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.problems import DATABASE_AWAY
from mainspring.metrics import rows
from mainspring.metrics.families import gauge
from mainspring.tables import Database

FRESH_SECONDS = 3.0
REDIS_SECONDS = 1.0


class Figures:
    """One a process. Whatever is away is said to be, and leaves the rest as it is."""

    def __init__(self, database: Database, redis: Redis, limiter: CapacityLimiter) -> None:
        self._database, self._redis, self._limiter = database, redis, limiter
        self._lock, self._text, self._until = Lock(), b"", 0.0

    async def text(self) -> bytes:
        """In Prometheus' text format."""
        async with self._lock:
            if monotonic() >= self._until:
                found = [
                    *await self._of_redis(),
                    *await to_thread.run_sync(self._of_rows, limiter=self._limiter),
                ]
                self._text, self._until = generate_latest(_Collected(found)), monotonic() + FRESH_SECONDS
            return self._text

    def _of_rows(self) -> list[Metric]:
        up, says = "mainspring_database_up", "1 if PostgreSQL answers this api."
        try:
            with self._database.begin() as connection:
                return [*rows.families(connection), gauge(up, says, (), [((), 1)])]
        except DATABASE_AWAY:
            return [gauge(up, says, (), [((), 0)])]

    async def _of_redis(self) -> list[Metric]:
        up, says = "mainspring_redis_up", "1 if Redis answers this api."
        try:
            with anyio.fail_after(REDIS_SECONDS):
                told = await self._redis.info("memory")
        except (RedisError, OSError):  # OSError includes the time-out
            return [gauge(up, says, (), [((), 0)])]
        # Without a bound of its own it has the machine's.
        most = told.get("maxmemory") or told.get("total_system_memory", 0)
        return [
            gauge(up, says, (), [((), 1)]),
            gauge("mainspring_redis_memory_bytes", "What Redis holds.", (), [((), told["used_memory"])]),
            gauge("mainspring_redis_memory_limit_bytes", "What it may hold.", (), [((), most)]),
        ]


class _Collected:
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics
