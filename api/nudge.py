"""Send nudges to the workers, off the request's path. A nudge that cannot leave is dropped: the sweep sends it again."""

import contextlib
from itertools import groupby
from operator import attrgetter
from queue import Empty, Full, Queue
from threading import Thread

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from api.envelope import envelope
from mainspring.endpoints import redis_url
from mainspring.logs import log
from mainspring.messages import Message
from mainspring.settings import Settings

MOST_WAITING = 2_000
MOST_TOGETHER = 200


class Nudger:
    """Thread-safe. `send` never waits and never raises. What was sent meanwhile leaves in one round trip."""

    def __init__(self, settings: Settings) -> None:
        self._redis = Redis.from_url(
            redis_url(settings), socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        self._waiting: Queue[Message | None] = Queue(MOST_WAITING)
        self._overflowing = False
        self._thread = Thread(target=self._run, name="nudger", daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        try:
            self._waiting.put_nowait(message)
        except Full:
            if not self._overflowing:  # one line a flood
                log.warning("nudge.overflow", message=message.name, queue=message.queue)
            self._overflowing = True
        else:
            self._overflowing = False

    def close(self) -> None:
        """After what waits was sent, or three seconds."""
        with contextlib.suppress(Full):
            self._waiting.put(None, timeout=1)
        self._thread.join(timeout=3)
        self._redis.close()

    def _run(self) -> None:
        closing = False
        while not closing:
            messages, closing = self._take()
            # Twice: the first may meet a connection that died with an earlier Redis.
            if messages and not self._publish(messages) and not self._publish(messages):
                self._drop(messages)

    def _take(self) -> tuple[list[Message], bool]:
        """What waits, at least one; and whether to close after it."""
        found: list[Message] = []
        message = self._waiting.get()
        with contextlib.suppress(Empty):
            while message is not None:
                found.append(message)
                if len(found) == MOST_TOGETHER:
                    return found, False
                message = self._waiting.get_nowait()
        return found, message is None

    def _publish(self, messages: list[Message]) -> bool:
        try:
            pipe = self._redis.pipeline(transaction=False)
            for queue, together in groupby(messages, attrgetter("queue")):
                pipe.lpush(queue, *map(envelope, together))
            pipe.execute()
        except (RedisError, OSError) as error:
            log.info("nudge.failed", error=type(error).__name__)
            return False
        return True

    def _drop(self, messages: list[Message]) -> None:
        """These, and what was accepted while they took their time-outs: the sweep finds it all."""
        lost = len(messages)
        while not self._waiting.empty():
            more, closing = self._take()
            lost += len(more)
            if closing:
                self._waiting.put(None)
                break
        log.warning("nudge.lost", messages=lost)
