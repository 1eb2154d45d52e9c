"""A job as server-sent events, resumable from anywhere: the text while it is being said, then the whole job."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Annotated, cast

import anyio
from fastapi import APIRouter, Header, Query, Response, Security
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection
from starlette.types import Receive, Scope, Send

from api.backends import Backends
from api.deps import BEARER, TheBackends, Transact, Transacting
from api.hub import Rang
from api.problems import DATABASE_AWAY
from api.reading import Position, Reading
from api.routes.jobs import read_job, to_uuid
from api.tail import BATCH, Tail
from mainspring.access import Caller
from mainspring.errors import MainspringError
from mainspring.logs import log
from mainspring.serving import readers

KEEPALIVE_SECONDS = 15.0
RETRY_SECONDS = 1.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Security(BEARER)])


class EventStream(StreamingResponse):
    """Closes its events at once when the reader has gone. `gone` is called if that was before the last of them.

    A server that stops is no reader that goes.
    """

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncIterator[bytes], reading: Reading, gone: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(events, headers=HEADERS)
        self._reading, self._gone, self._hung_up = reading, gone, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)
        if self._hung_up and not self._reading.ended:
            await self._gone()

    async def listen_for_disconnect(self, receive: Receive) -> None:
        await super().listen_for_disconnect(receive)
        self._hung_up = True

    async def stream_response(self, send: Send) -> None:
        async with aclosing(cast("AsyncIterator[bytes]", self.body_iterator)):  # type: ignore[type-var]
            await super().stream_response(send)


@router.get(
    "/{job_id}/events",
    status_code=200,
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
    reading = Reading(position)

    async def gone() -> None:
        try:
            await transact.plainly(partial(_gone, job_id=job_id))
        except (
            *DATABASE_AWAY,
            MainspringError,
        ) as error:  # nobody waits for it, and the job goes on all the same
            log.warning("events.gone", error=type(error).__name__)

    return EventStream(_events(backends, transact, job_id, reading), reading, gone)


def _gone(connection: Connection, caller: Caller, job_id: str) -> None:
    readers.gone(connection, caller.tenant_id, to_uuid(job_id))


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
