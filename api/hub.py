"""A notice about a job rings the bells of all who watch it.

Notices may be lost. So every bell also rings whenever a subscription stands anew, and watchers look at the row.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from api.line import Line
from mainspring.logs import log
from mainspring.serving import stream

LINGER_SECONDS = 10.0  # after the last reader has gone: the next one often comes soon


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
    """Start it inside the event loop.

    To the text of running jobs it listens only as long as somebody reads: workers see whether anybody listens, and
    tell less often what nobody does.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis = Redis.from_url(redis_url, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))
        self._bells: defaultdict[str, set[Bell]] = defaultdict(set)
        self._readers = 0
        self._ended = Line(self._redis, stream.ENDED, self._ring(Rang.ROW), self._ring_all)
        self._text: Line | None = None

    @asynccontextmanager
    async def watch(self, *job_ids: str, text: bool = False) -> AsyncIterator[Bell]:
        """`text`: ring also when a job's stream grows. Look at the rows after this has begun."""
        bell = Bell(text=text)
        for job_id in job_ids:
            self._bells[job_id].add(bell)
        if text:
            self._follow()
        try:
            yield bell
        finally:
            if text:
                self._leave()
            for job_id in set(job_ids):
                self._bells[job_id].discard(bell)
                if not self._bells[job_id]:
                    del self._bells[job_id]

    @property
    def watchers(self) -> int:
        return sum(map(len, self._bells.values()))

    async def close(self) -> None:
        await self._ended.close()
        if self._text is not None:
            await self._text.close()
        await self._redis.aclose()

    def _follow(self) -> None:
        self._readers += 1
        if self._text is None:
            self._text = Line(self._redis, stream.TEXT, self._ring(Rang.TEXT), self._say_so)

    def _leave(self) -> None:
        self._readers -= 1
        if not self._readers:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._rest)

    def _rest(self) -> None:
        if not self._readers and self._text is not None:
            self._text.end()
            self._text = None

    def _say_so(self) -> None:
        """Workers hear that somebody reads now; who read too early looks again."""
        self._ring_all()
        self._saying = asyncio.create_task(self._say())

    async def _say(self) -> None:
        try:
            await self._redis.publish(stream.READERS, "")
        except (RedisError, OSError) as error:
            log.warning("notice.lost", channel=stream.READERS, error=type(error).__name__)

    def _ring_all(self) -> None:
        for bells in self._bells.values():
            for bell in bells:
                bell.ring(Rang.ROW)

    def _ring(self, rang: Rang) -> Callable[[list[str]], None]:
        def heard(job_ids: list[str]) -> None:
            for job_id in job_ids:
                for bell in self._bells.get(job_id, ()):
                    bell.ring(rang)

        return heard
