"""What a worker tells Redis: at once to those who listen, in large pieces while nobody does, and ends always at once."""

from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from redis import Redis

from mainspring.serving import stream
from tests.api.serving import until
from workers.outbox import UNHEARD_SECONDS, Outbox

JOB = "0193-a-job"
PIECES = [f"word {number} " for number in range(10)]


@pytest.fixture
def outbox(redis: Redis) -> Iterator[Outbox]:
    made = Outbox(redis)
    yield made
    made.close()


def entries(redis: Redis) -> list[str]:
    found: Any = redis.xrange(stream.text_key(JOB))
    return [fields[b"t"].decode() for _, fields in found]


def said(outbox: Outbox, offset: int = 0) -> int:
    for text in PIECES:
        outbox.say(JOB, 1, offset, text)
        offset += len(text)
    return offset


def test_what_nobody_listens_to_goes_in_large_pieces(outbox: Outbox, redis: Redis) -> None:
    outbox.say(JOB, 1, 0, "first ")
    until(lambda: entries(redis) == ["first "])
    said(outbox, len("first "))
    until(lambda: "".join(entries(redis)) == "first " + "".join(PIECES))
    assert len(entries(redis)) <= 3  # one, or two where its time came while it was being said


def test_an_end_waits_for_nothing_and_takes_its_text_along(outbox: Outbox, redis: Redis) -> None:
    outbox.say(JOB, 1, 0, "first ")
    until(lambda: entries(redis) == ["first "])
    with redis.pubsub(ignore_subscribe_messages=True) as ends:
        ends.subscribe(stream.ENDED)
        until(lambda: redis.pubsub_numsub(stream.ENDED)[0][1] == 1)
        said(outbox, len("first "))
        outbox.ended(JOB)
        message = None
        while message is None:
            message = ends.get_message(timeout=5)
        assert stream.told(message["data"]) == [JOB]
    assert "".join(entries(redis)) == "first " + "".join(PIECES)


def test_who_listens_hears_at_once(outbox: Outbox, redis: Redis) -> None:
    with redis.pubsub() as reader:
        reader.subscribe(stream.TEXT)
        until(lambda: redis.pubsub_numsub(stream.TEXT)[0][1] == 1)
        outbox.listened()
        begun, offset = monotonic(), 0
        for number, text in enumerate(PIECES, 1):
            outbox.say(JOB, 1, offset, text)
            offset += len(text)
            until(lambda number=number: len(entries(redis)) == number)
        assert monotonic() - begun < len(PIECES) * UNHEARD_SECONDS / 2
    outbox.say(JOB, 1, offset, "nobody ")  # the first word to nobody says that nobody is there
    until(lambda: entries(redis)[-1] == "nobody ")
    said(outbox, offset + len("nobody "))
    until(lambda: len(entries(redis)) > len(PIECES) + 1)
    until(lambda: "".join(entries(redis)).endswith("nobody " + "".join(PIECES)))
    assert len(entries(redis)) <= len(PIECES) + 3


def test_nothing_that_was_said_is_lost_at_the_end(redis: Redis) -> None:
    outbox = Outbox(redis)
    said(outbox)
    outbox.close()
    assert "".join(entries(redis)) == "".join(PIECES)
