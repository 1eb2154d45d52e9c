"""What a worker tells Redis: pieces of text and that jobs have ended. One thread, one round trip for all slots.

Redis may be away: then the news is dropped, and readers find the row. Nobody may be listening, since most answers are
waited for as a whole: then text goes in larger pieces.
"""

import time
from threading import Event, Lock, Thread

from redis import Redis
from redis.exceptions import RedisError

from mainspring.logs import log
from mainspring.serving import stream
from mainspring.serving.stream import Piece

PAUSE_SECONDS = 0.015  # between two flushes: what was said meanwhile goes together
UNHEARD_SECONDS = 0.25  # between two of text while nobody listens: for those who come later it is soon enough
RENEW_SECONDS = 60.0  # so often the streams of those who still speak are kept for longer


class Outbox:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lock = Lock()
        self._pieces: dict[tuple[str, int], Piece] = {}
        self._ended: list[str] = []
        self._news = Event()
        self._heard = False  # whether anybody listened to the last text
        self._due = 0.0  # when text goes that nobody listens to
        self._closed = False
        self._renewed = time.monotonic()
        self._thread = Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def say(self, job_id: str, attempt: int, offset: int, text: str) -> None:
        """Pieces of one attempt come in order; neighbours are joined."""
        with self._lock:
            before = self._pieces.get((job_id, attempt))
            if before is not None:
                offset, text = before.offset, before.text + text
            self._pieces[job_id, attempt] = Piece(job_id, attempt, offset, text)
        self._news.set()

    def ended(self, job_id: str) -> None:
        with self._lock:
            self._ended.append(job_id)
        self._news.set()

    def listened(self) -> None:
        """Somebody begins to read: text goes at once from now on."""
        self._heard = True
        self._news.set()

    def close(self) -> None:
        """After the last news has left."""
        self._closed = True
        self._news.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closed or self._pieces or self._ended:
            self._news.wait(max(0.0, self._due - time.monotonic()) if self._pieces else None)
            self._news.clear()
            self._flush(*self._take())
            time.sleep(PAUSE_SECONDS)

    def _take(self) -> tuple[list[Piece], list[str]]:
        """All text if somebody listens or it is due; else that of the jobs which have ended, with their ends."""
        now = time.monotonic()
        with self._lock:
            ended, self._ended = self._ended, []
            if self._heard or self._closed or now >= self._due:
                self._due = now + UNHEARD_SECONDS
                pieces, self._pieces = list(self._pieces.values()), {}
            else:
                last = [key for key in self._pieces if key[0] in ended]
                pieces = [self._pieces.pop(key) for key in last]
        return pieces, ended

    def _flush(self, pieces: list[Piece], ended: list[str]) -> None:
        try:
            if pieces:
                self._heard = stream.append(self._redis, pieces, renew=self._renew())
            if ended:
                stream.notify(self._redis, stream.ENDED, ended)
        except RedisError as error:
            log.warning("outbox.dropped", pieces=len(pieces), ended=len(ended), error=type(error).__name__)

    def _renew(self) -> bool:
        due = time.monotonic() > self._renewed + RENEW_SECONDS
        if due:
            self._renewed = time.monotonic()
        return due


class Voice:
    """One attempt's text on its way out, counted in characters."""

    def __init__(self, outbox: Outbox, job_id: str, attempt: int) -> None:
        self._outbox, self._job_id, self._attempt = outbox, job_id, attempt
        self._offset = 0

    def __call__(self, text: str) -> None:
        self._outbox.say(self._job_id, self._attempt, self._offset, text)
        self._offset += len(text)
