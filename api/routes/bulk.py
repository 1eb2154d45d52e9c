"""Submit many jobs: NDJSON in, NDJSON out, in order; one transaction a thousand lines."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Request, Response, Security
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection
from starlette.types import Receive, Scope, Send

from api import body
from api.backends import Backends
from api.deps import BEARER, TheBackends, Transact, Transacting
from api.halving import in_halves
from api.ndjson import numbered
from api.problems import problem_body
from api.rendering import dumps
from api.routes.submitting import Asked, ReceiptView, checked_key, receipt_view
from mainspring.access import Caller
from mainspring.errors import BodyTooLarge, MainspringError
from mainspring.messages import Answer
from mainspring.serving.bulk import accept_all
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.views import moment
from mainspring.terms import JOBS

BATCH = 1000
MOST_NUDGES = 64  # of a batch and version: each wakes a slot, and a slot works until its queue is empty
MEDIA_TYPE = "application/x-ndjson"


class _Line(NamedTuple):
    number: int
    asked: Submission | MainspringError


class LineStream(StreamingResponse):
    """Answers while it reads: it must not listen for the client's leaving, which would swallow the body."""

    media_type = MEDIA_TYPE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await self.stream_response(send)


router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Security(BEARER)])


@router.post(
    "/bulk",
    response_class=LineStream,
    responses={200: {"description": "A receipt or a problem for each line.", "content": {MEDIA_TYPE: {}}}},
    openapi_extra={
        "requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": Asked.model_json_schema()}}}
    },
)
async def submit_bulk(request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Each line is a body of `POST /v1/jobs`, with `idempotency_key` in it if you want one.

    The answer has a line for each, in order: its receipt, once it is stored, or a problem with its `status` and the
    number of its `line`, and `retry_after` (seconds) where it may be sent again. Empty lines have no answer. The receipt
    of one that names a version that leaves says so: `deprecation` since when, `sunset` until when that answers.
    """
    tenant_id = await transact.plainly(_allowed)
    lines = numbered(request.stream(), backends.settings.max_body_bytes)
    return LineStream(_answers(lines, partial(_stored, backends, transact, tenant_id, request.headers)))


async def _answers(
    lines: AsyncIterator[tuple[int, bytes | BodyTooLarge]], stored: Callable[[list[_Line]], Awaitable[bytes]]
) -> AsyncIterator[bytes]:
    batch: list[_Line] = []
    async for number, line in lines:
        batch.append(_Line(number, line if isinstance(line, BodyTooLarge) else _parsed(line)))
        if len(batch) == BATCH:
            yield await stored(batch)
            batch = []
    if batch:
        yield await stored(batch)


async def _stored(
    backends: Backends, transact: Transact, tenant_id: UUID, headers: Mapping[str, str], batch: list[_Line]
) -> bytes:
    async def store(part: Sequence[_Line]) -> list[Receipt | MainspringError]:
        asked = [
            accepting.given(line.asked) if isinstance(line.asked, Submission) else line.asked for line in part
        ]
        return await transact.together(partial(_accept, batch=asked), partial(_nudge, backends))

    async with backends.bulks.of(tenant_id):
        with backends.road.accepting(headers, many=len(batch)) as accepting:
            results = await in_halves(store, batch)
    return b"".join(
        dumps(_shown(result, line.number)) + b"\n" for line, result in zip(batch, results, strict=True)
    )


def _shown(result: Receipt | MainspringError, line: int) -> Any:
    return {**problem_body(result), "line": line} if isinstance(result, MainspringError) else _receipt(result)


def _receipt(result: Receipt) -> ReceiptView:
    """A line has no headers of its own."""
    view = receipt_view(result)
    if result.leaving is not None:
        view |= {"deprecation": moment(result.leaving.since), "sunset": moment(result.leaving.until)}
    return view


def _parsed(line: bytes) -> Submission | MainspringError:
    try:
        given = body.parse(line)
        key = given.pop("idempotency_key", None) if isinstance(given, dict) else None
        if key is not None:
            key = checked_key(key, "idempotency_key")
        return body.shaped(given, Asked).submission(key)
    except MainspringError as error:
        return error


def _allowed(_: Connection, caller: Caller) -> UUID:
    caller.require(JOBS)
    return caller.tenant_id


def _accept(
    connection: Connection, caller: Caller, batch: list[Submission | MainspringError]
) -> list[Receipt | MainspringError]:
    return accept_all(connection, caller, batch)


def _nudge(backends: Backends, results: list[Receipt | MainspringError]) -> None:
    sent: dict[str, int] = {}
    for result in results:
        if isinstance(result, Receipt) and result.fresh:
            version = str(result.version_id)
            sent[version] = sent.get(version, 0) + 1
            if sent[version] <= MOST_NUDGES:
                backends.nudger.send(Answer(version, str(result.job_id)))
