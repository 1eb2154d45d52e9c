"""A job as server-sent events, resumable from anywhere: the text while it is being said, then the whole job."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Annotated, cast

import anyio
from fastapi import APIRouter, Header, Query, Response, Security
from fastapi.responses import StreamingResponse
from starlette.types import Send

from api.backends import Backends
from api.deps import BEARER, TheBackends, Transact, Transacting
from api.hub import Rang
from api.problems import DATABASE_AWAY
from api.reading import Position, Reading
from api.routes.jobs import read_job
from api.tail import BATCH, Tail
from mainspring.errors import MainspringError
from mainspring.logs import log

KEEPALIVE_SECONDS = 15.0
RETRY_SECONDS = 1.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Security(BEARER)])


class EventStream(StreamingResponse):
    """Closes its events at once when the reader has gone."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        async with aclosing(cast("AsyncIterator[bytes]", self.body_iterator)):  # type: ignore[type-var]
            await super().stream_response(send)


@router.get(
    "/{job_id}/events",
    response_class=EventStream,
    responses={
        200: {"description": "Events `state`, `token` and `done`.", "content": {"text/event-stream": {}}},
        204: {"description": "The reader has had everything."},
    },
)
async def stream_events(
    job_id: str,
    backends: TheBackends,
    transact: Transacting,
    last_event_id: Annotated[str, Header(description="The id of the last event received.")] = "",
    from_query: Annotated[str, Query(alias="last_event_id", description="For readers without headers.")] = "",
) -> Response:
    """Every event's id is `<attempt>.<offset>`: with its text you have the first `offset` characters of that attempt.

    A `state` event with `discard` says that a new attempt began and that the text so far is void.
    """
    given = last_event_id or from_query
    position = Position.parse(given) if given else Position()
    position.check(await transact.plainly(partial(read_job, job_id=job_id)))
    if position.ended:
        return Response(status_code=204, headers=HEADERS)
    return EventStream(_events(backends, transact, job_id, Reading(position)), headers=HEADERS)


async def _events(
    backends: Backends, transact: Transact, job_id: str, reading: Reading
) -> AsyncIterator[bytes]:
    tail = Tail(backends.redis, job_id)
    rang = Rang.ROW
    yield b"retry: 1000\n\n"
    async with backends.hub.watch(job_id, text=True) as bell:
        while True:
            if rang is not Rang.TEXT:
                try:
                    view = await transact.plainly(partial(read_job, job_id=job_id))
                except DATABASE_AWAY as error:
                    log.warning("events.waiting", error=type(error).__name__)
                    yield b": waiting\n\n"
                    await anyio.sleep(RETRY_SECONDS)
                    continue
                except MainspringError:  # the key was revoked or the job erased meanwhile
                    return
                for event in reading.row(view):
                    yield event.encode()
                if reading.ended:
                    return
            entries = await tail.read()
            for event in reading.entries(entries):
                yield event.encode()
            rang = Rang.TEXT if len(entries) == BATCH else await bell.wait(KEEPALIVE_SECONDS)
            if rang is Rang.NOTHING:
                yield b": keepalive\n\n"
