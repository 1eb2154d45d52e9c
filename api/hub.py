"""One subscription for all who wait: a notice about a job rings the bells of its watchers.

Notices may be lost. So every bell also rings whenever the subscription stands anew, and watchers look at the row.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from mainspring.logs import log
from mainspring.serving import stream

RETRY_SECONDS = 0.5
SILENCE_SECONDS = 5.0  # after so long without a word a ping is sent; after as long again the line is dead


class Rang(Enum):
    """What made a wait end."""

    NOTHING = "the time passed"
    TEXT = "the job's stream has grown"
    ROW = "the row is worth a look"


class Bell:
    """Rings that come together count as one."""

    def __init__(self, *, text: bool) -> None:
        self.text = text
        self._event = asyncio.Event()
        self._row = False

    def ring(self, rang: Rang) -> None:
        if rang is Rang.ROW or self.text:
            self._row |= rang is Rang.ROW
            self._event.set()

    async def wait(self, seconds: float) -> Rang:
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return Rang.NOTHING
        self._event.clear()
        row, self._row = self._row, False
        return Rang.ROW if row else Rang.TEXT


class Hub:
    """Start it inside the event loop; it reconnects by itself for ever."""

    def __init__(self, redis_url: str) -> None:
        self._redis = Redis.from_url(redis_url, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))
        self._bells: defaultdict[str, set[Bell]] = defaultdict(set)
        self._task = asyncio.create_task(self._run(), name="hub")

    @asynccontextmanager
    async def watch(self, *job_ids: str, text: bool = False) -> AsyncIterator[Bell]:
        """`text`: ring also when a job's stream grows. Look at the rows after this has begun."""
        bell = Bell(text=text)
        for job_id in job_ids:
            self._bells[job_id].add(bell)
        try:
            yield bell
        finally:
            for job_id in set(job_ids):
                self._bells[job_id].discard(bell)
                if not self._bells[job_id]:
                    del self._bells[job_id]

    @property
    def watchers(self) -> int:
        return sum(map(len, self._bells.values()))

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._redis.aclose()

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                log.warning("hub.interrupted", error=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        """Returns when the line went dead."""
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(stream.ENDED, stream.TEXT)
            silent = 0
            while silent < 2:
                message = await pubsub.get_message(timeout=SILENCE_SECONDS)
                if message is None:
                    silent += 1
                    await pubsub.ping()
                else:
                    silent = 0
                    self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            for bells in self._bells.values():
                _ring(bells, Rang.ROW)
        elif message["type"] == "message":
            rang = Rang.ROW if message["channel"].decode() == stream.ENDED else Rang.TEXT
            for job_id in stream.told(message["data"]):
                if job_id in self._bells:
                    _ring(self._bells[job_id], rang)


def _ring(bells: set[Bell], rang: Rang) -> None:
    for bell in bells:
        bell.ring(rang)
