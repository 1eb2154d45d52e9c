"""A subscription to one channel of Redis, which stands again by itself whenever it was interrupted."""

import asyncio
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from mainspring.logs import log
from mainspring.serving import stream

RETRY_SECONDS = 0.5
SILENCE_SECONDS = 5.0  # after so long without a word a ping is sent; after as long again the line is dead


class Line:
    """Open from the beginning, inside the event loop, until it is closed.

    `heard` gets the jobs that each message is about; `stands` is called whenever the subscription stands anew, since
    what was said before is lost.
    """

    def __init__(
        self, redis: Redis, channel: str, heard: Callable[[list[str]], None], stands: Callable[[], None]
    ) -> None:
        self._redis, self._channel = redis, channel
        self._heard, self._stands = heard, stands
        self._task = asyncio.create_task(self._run(), name=channel)

    async def close(self) -> None:
        self.end()
        await asyncio.gather(self._task, return_exceptions=True)

    def end(self) -> None:
        """Close, and don't wait for it."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                log.warning("line.interrupted", channel=self._channel, error=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> None:
        """Returns when the line went dead."""
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(self._channel)
            silent = 0
            while silent < 2:
                message = await pubsub.get_message(timeout=SILENCE_SECONDS)
                if message is None:
                    silent += 1
                    await pubsub.ping()
                    continue
                silent = 0
                if message["type"] == "subscribe":
                    self._stands()
                elif message["type"] == "message":
                    self._heard(stream.told(message["data"]))
