"""Read what a job's Redis stream has grown by. Not blocking, so no connection is held for a reader who waits."""

from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.reading import Entry
from mainspring.logs import log
from mainspring.serving.stream import text_key

BATCH = 500


class Tail:
    def __init__(self, redis: Redis, job_id: str) -> None:
        self._redis = redis
        self._key = text_key(job_id)
        self._last = "-"

    async def read(self) -> list[Entry]:
        """The next entries, at most BATCH; none while Redis is away."""
        try:
            answer = await self._redis.xrange(self._key, min=self._last, count=BATCH)
        except (RedisError, OSError) as error:
            log.warning("tail.interrupted", error=type(error).__name__)
            return []
        found = cast("list[tuple[bytes, dict[bytes, bytes]]]", answer or [])
        if found:
            self._last = f"({found[-1][0].decode()}"
        return [
            Entry(int(fields[b"a"]), int(fields[b"o"]), fields[b"t"].decode("utf-8", "replace"))
            for _, fields in found
        ]
