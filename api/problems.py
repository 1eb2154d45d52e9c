"""Errors as RFC 9457 problem documents: the one place that gives a code of mainspring/errors its HTTP status."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.rendering import Json
from mainspring.errors import InvalidRequest, MainspringError, NotFound, QueueFull
from mainspring.logs import log

STATUS = {
    "invalid_request": 422,
    "malformed_json": 400,
    "unknown_parameter": 422,
    "invalid_text": 422,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "prompt_too_long": 422,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "unknown_deployment": 404,
    "unknown_job": 404,
    "deployment_retired": 410,
    "unknown_version": 404,
    "version_retired": 410,
    "unknown_rollout": 404,
    "unknown_prompts": 404,
    "unknown_session": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "idempotency_conflict": 409,
    "illegal_transition": 409,
    "model_refused": 422,
    "dataset_refused": 422,
    "text_locked": 409,
    "queue_full": 429,
    "rate_limited": 429,
    "not_ready": 503,
    "unavailable": 503,
}
RETRY_SECONDS = {"not_ready": 5, "unavailable": 2}
LONGEST_FIELD = 200  # a field's name may be the client's own text
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeoutError)


class UnsupportedMediaType(InvalidRequest):
    """The body says that it is something else than JSON."""

    code = "unsupported_media_type"
    title = "The body must be JSON"


class MethodNotAllowed(MainspringError):
    """The path exists, not with this method."""

    code = "method_not_allowed"
    title = "This path does not take that method"


class Unavailable(MainspringError):
    """A service that this request needs does not answer."""

    code = "unavailable"
    title = "Mainspring cannot do this at the moment"
    retryable = True


def problem(
    error: MainspringError,
    headers: Mapping[str, str] | None = None,
    extensions: Mapping[str, Any] | None = None,
) -> Response:
    """What went wrong, as `application/problem+json`."""
    body = problem_body(error) | dict(extensions or {})
    return Json(
        body, body["status"], {**_headers(error), **(headers or {})}, media_type="application/problem+json"
    )


def problem_body(error: MainspringError) -> dict[str, Any]:
    """Without the fields that it has no word for. `retry_after`: seconds, as the header of that name."""
    status = STATUS.get(error.code, 500)
    body = {
        "type": f"urn:mainspring:error:{error.code}",
        "title": error.title,
        "status": status,
        "detail": error.detail if status != 500 else error.title,
        "code": error.code,
        "field": None if error.field is None else error.field[:LONGEST_FIELD],
        "remedy": error.remedy,
        "retry_after": _retry_after(error),
    }
    return {name: value for name, value in body.items() if value is not None}


def install(app: FastAPI) -> None:
    """Every way for a request to fail ends in a problem document."""
    app.add_exception_handler(MainspringError, _ours)
    app.add_exception_handler(HTTPException, _routing)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(ClientDisconnect, _gone)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _database)
    app.add_exception_handler(Exception, _unexpected)


def _headers(error: MainspringError) -> dict[str, str]:
    if (seconds := _retry_after(error)) is not None:
        return {"Retry-After": str(seconds)}
    if error.code == "unauthenticated":
        return {"WWW-Authenticate": "Bearer"}
    return {}


def _retry_after(error: MainspringError) -> int | None:
    return error.retry_after if isinstance(error, QueueFull) else RETRY_SECONDS.get(error.code)


async def _ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, MainspringError)
    return problem(error)


async def _routing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        wrong = MethodNotAllowed(
            f"this path does not take {request.method}",
            remedy=f"It takes: {(error.headers or {}).get('Allow', 'see /docs')}.",
        )
        return problem(wrong, headers=error.headers)
    return problem(NotFound("there is nothing at this path", remedy="GET /docs lists the paths."))


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"][1:]))
    return problem(InvalidRequest(first["msg"], field=field, remedy=f"GET /docs says what `{field}` may be."))


async def _database(_: Request, error: Exception) -> Response:
    log.warning("database.away", error=type(error).__name__)
    return problem(Unavailable("the database does not answer", remedy="Try again in a moment."))


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # nobody is left to read it


async def _unexpected(_: Request, __: Exception) -> Response:
    """The type is logged, by api/log.py with its place; the text could hold a prompt and goes nowhere."""
    return problem(MainspringError("unexpected"))
