"""Listens to Redis for what cannot wait until the next tick: cancels, readers, and changes of the versions wanted."""

from collections.abc import Callable, Mapping
from threading import Event, Thread

from redis import Redis
from redis.exceptions import RedisError

from mainspring.logs import log

RETRY_SECONDS = 0.5


class Notices:
    """`handlers`: channel → what to do with a message. What is lost while Redis is away the next tick finds."""

    def __init__(self, redis: Redis, handlers: Mapping[str, Callable[[str], None]]) -> None:
        self._redis = redis
        self._handlers = handlers
        self._closed = Event()
        self._thread = Thread(target=self._run, name="notices", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join(timeout=3)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen()
            except RedisError as error:
                log.warning("notices.interrupted", error=type(error).__name__)
                self._closed.wait(RETRY_SECONDS)

    def _listen(self) -> None:
        with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
            pubsub.subscribe(*self._handlers)
            while not self._closed.is_set():
                message = pubsub.get_message(timeout=1.0)
                if message is not None:
                    self._handlers[message["channel"].decode()](message["data"].decode())
