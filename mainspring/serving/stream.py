"""Redis keys and channels of a running job: its text on the way, and notices that something happened.

All of it may be lost at any moment: the row has the answer, and readers fall back to it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from redis import Redis

ENDED = "mainspring:ended"  # jobs' ids: they have reached their ends
TEXT = "mainspring:text"  # jobs' ids: their streams have grown, or new attempts began
READERS = "mainspring:readers"  # somebody begins to read what jobs are saying
CANCEL = "mainspring:cancel"  # a job's id: whoever runs it shall stop
VERSIONS = "mainspring:versions"  # the versions that should be live have changed
KEEP_SECONDS = 3600
MOST_ENTRIES = 20_000


@dataclass(frozen=True)
class Piece:
    """`text` begins at character `offset` of what attempt number `attempt` is saying."""

    job_id: str
    attempt: int
    offset: int
    text: str


def text_key(job_id: str) -> str:
    return f"mainspring:job:{job_id}:text"


def append(redis: "Redis", pieces: Sequence[Piece], *, renew: bool = False) -> bool:
    """One round trip for the text of all slots. Whether anybody listens to such news.

    `renew`: streams that were begun earlier are kept for longer, too.
    """
    pipe = redis.pipeline(transaction=False)
    for piece in pieces:
        key = text_key(piece.job_id)
        entry: dict[str | bytes, str | int] = {"a": piece.attempt, "o": piece.offset, "t": piece.text}
        pipe.xadd(key, entry, maxlen=MOST_ENTRIES, approximate=True)  # type: ignore[arg-type]
        if renew or piece.offset == 0:
            pipe.expire(key, KEEP_SECONDS)
    pipe.publish(TEXT, _joined({piece.job_id for piece in pieces}))
    return bool(pipe.execute()[-1])


def notify(redis: "Redis", channel: str, job_ids: Sequence[str]) -> None:
    """One message, whose readers each take it apart by `told`."""
    redis.publish(channel, _joined(job_ids))


def told(message: bytes) -> list[str]:
    """The jobs that a notice is about."""
    return message.decode("utf-8", "replace").split()


def _joined(job_ids: Iterable[str]) -> str:
    return " ".join(job_ids)
