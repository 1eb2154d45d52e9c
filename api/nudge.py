"""Send nudges to the workers, off the request's path. A nudge that cannot leave is dropped: the sweep sends it again."""

import contextlib
from queue import Full, Queue
from threading import Thread

from celery import Celery
from kombu import Exchange
from kombu import Queue as Route
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from mainspring.endpoints import broker_url
from mainspring.logs import log
from mainspring.messages import Message
from mainspring.settings import Settings

MOST_WAITING = 2_000
# The default exchange routes by the queue's name alone, so that a wiped Redis forgets no binding.
DEFAULT_EXCHANGE = Exchange("", type="direct")


class Nudger:
    """Thread-safe. `send` never waits and never raises."""

    def __init__(self, settings: Settings) -> None:
        self._app = _producer(settings)
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

    def _run(self) -> None:
        while (message := self._waiting.get()) is not None:
            # Twice: the first may meet a connection that died with an earlier Redis.
            if not self._publish(message) and not self._publish(message):
                log.warning("nudge.lost", message=message.name, queue=message.queue)
                self._drop_the_rest()

    def _publish(self, message: Message) -> bool:
        try:
            self._app.send_task(
                message.name,
                kwargs=message.kwargs(),
                queue=Route(message.queue, DEFAULT_EXCHANGE, message.queue),  # type: ignore[arg-type]
                declare=[],
                retry=False,
                ignore_result=True,
            )
        except (OperationalError, RedisError, OSError) as error:
            log.info("nudge.failed", error=type(error.__cause__ or error).__name__)
            return False
        return True

    def _drop_the_rest(self) -> None:
        """While Redis is away each would take its time-out; what was accepted meanwhile the sweep finds."""
        waiting = self._waiting.qsize()
        for _ in range(waiting):
            if self._waiting.get() is None:
                self._waiting.put(None)
                break
        if waiting:
            log.warning("nudge.lost", messages=waiting)


def _producer(settings: Settings) -> Celery:
    app = Celery("mainspring-api", broker=broker_url(settings), set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_publish_retry=False,
        broker_connection_timeout=2,
        broker_connection_retry=False,
        broker_pool_limit=1,
        broker_transport_options={
            "socket_timeout": 2,
            "socket_connect_timeout": 2,
            "health_check_interval": 25,
            "max_retries": 0,  # else a failed connect sleeps for two seconds before it is reported
        },
    )
    return app
