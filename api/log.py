"""One log line a request: method, path template, status, seconds, job. Never a body, a query or a header."""

import logging
import time
from uuid import UUID

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mainspring.logs import log, places

QUIET = frozenset({"/healthz", "/readyz"})


class RequestLog:
    """ASGI middleware that neither buffers nor delays what passes through it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0  # 0: the client left before there was an answer

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            _write(scope, status, time.perf_counter() - began)


def without_texts(record: logging.LogRecord) -> bool:
    """A filter for uvicorn's log: of an unexpected exception its type and places, since its text may be a prompt."""
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        what = (record.getMessage().strip(), type(error).__name__, places(error))
        record.msg, record.args = "%s: %s at %s", what
        record.exc_info, record.exc_text = None, None
    return True


def _write(scope: Scope, status: int, seconds: float) -> None:
    path = getattr(scope.get("route"), "path", "unmatched")
    if path in QUIET:
        return
    log.info(
        "request",
        method=scope["method"],
        path=path,
        status=status,
        seconds=round(seconds, 4),
        **_job(scope),
    )


def _job(scope: Scope) -> dict[str, str]:
    made = scope.get("state", {}).get("job_id")
    if made is not None:
        return {"job": made}
    named = scope.get("path_params", {}).get("job_id", "")
    try:
        return {"job": str(UUID(named))}
    except ValueError:
        return {}
