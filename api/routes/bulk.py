"""Submit many jobs: NDJSON in, NDJSON out, in order; one transaction a thousand lines."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response, Security
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection
from starlette.types import Receive, Scope, Send

from api import body
from api.backends import Backends
from api.deps import BEARER, TheBackends, Transact, Transacting
from api.problems import DATABASE_AWAY, Unavailable, problem_body
from api.rendering import dumps
from api.routes.submitting import Asked, ReceiptView, receipt_view
from mainspring.access import JOBS, Caller
from mainspring.errors import BodyTooLarge, InvalidRequest, MainspringError
from mainspring.messages import Answer
from mainspring.serving.bulk import accept_all
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.views import moment

BATCH = 1000
MOST_NUDGES = 64  # of a batch and version: each wakes a slot, and a slot works until its queue is empty
MEDIA_TYPE = "application/x-ndjson"


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

    The answer has a line for each, as it was stored: a receipt, or a problem with its `status` and `line`. The receipt of
    one that names a version that leaves says so: `deprecation` since when, `sunset` until when that answers.
    """
    await transact.plainly(_allowed)
    lines = _lines(request, backends.settings.max_body_bytes)
    return LineStream(_answers(backends, transact, lines))


async def _answers(
    backends: Backends, transact: Transact, lines: AsyncIterator[bytes | MainspringError]
) -> AsyncIterator[bytes]:
    batch: list[Submission | MainspringError] = []
    number = 0
    async for line in lines:
        batch.append(line if isinstance(line, MainspringError) else _parsed(line))
        if len(batch) == BATCH:
            yield await _store(backends, transact, batch, number)
            number += len(batch)
            batch = []
    if batch:
        yield await _store(backends, transact, batch, number)


async def _store(
    backends: Backends, transact: Transact, batch: list[Submission | MainspringError], number: int
) -> bytes:
    try:
        results = await transact.together(partial(_accept, batch=batch), partial(_nudge, backends))
    except DATABASE_AWAY:
        away = Unavailable("the database does not answer", remedy="Send this line again in a moment.")
        results = [away] * len(batch)
    return b"".join(
        dumps(_shown(result, number + index)) + b"\n" for index, result in enumerate(results, start=1)
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
        if key is not None and (not isinstance(key, str) or not 1 <= len(key) <= 255 or not key.isascii()):
            raise InvalidRequest(
                "this is not a key", field="idempotency_key", remedy="Send 1 to 255 visible ASCII characters."
            )
        return body.shaped(given, Asked).submission(key)
    except MainspringError as error:
        return error


async def _lines(request: Request, longest: int) -> AsyncIterator[bytes | MainspringError]:
    """Without the empty ones; a line that is too long is an error in its place."""
    rest, skipping = b"", False
    async for chunk in request.stream():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if skipping:
                skipping = False
            elif len(line) > longest:
                yield _too_long(longest)
            elif line.strip():
                yield line
        if len(rest) > longest:
            if not skipping:
                yield _too_long(longest)
            rest, skipping = b"", True
    if rest.strip() and not skipping:
        yield rest


def _too_long(longest: int) -> BodyTooLarge:
    return BodyTooLarge(f"the line exceeds {longest} bytes", remedy=f"Send at most {longest} bytes a line.")


def _allowed(_: Connection, caller: Caller) -> None:
    caller.require(JOBS)


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
