"""Redis keys and channels of a running job: its text on the way, and notices that something happened.

All of it may be lost at any moment: the row has the answer, and readers fall back to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis

ENDED = "mainspring:ended"  # a job's id: it has reached its end
TEXT = "mainspring:text"  # a job's id: its stream has grown, or a new attempt began
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


def append(redis: "Redis", pieces: Sequence[Piece]) -> None:
    """One round trip for the text of all slots."""
    pipe = redis.pipeline(transaction=False)
    for piece in pieces:
        key = text_key(piece.job_id)
        entry: dict[str | bytes, str | int] = {"a": piece.attempt, "o": piece.offset, "t": piece.text}
        pipe.xadd(key, entry, maxlen=MOST_ENTRIES, approximate=True)  # type: ignore[arg-type]
        pipe.expire(key, KEEP_SECONDS)
    for job_id in {piece.job_id for piece in pieces}:
        pipe.publish(TEXT, job_id)
    pipe.execute()


def notify(redis: "Redis", channel: str, job_ids: Sequence[str]) -> None:
    pipe = redis.pipeline(transaction=False)
    for job_id in job_ids:
        pipe.publish(channel, job_id)
    pipe.execute()
