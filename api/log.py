"""One log line a request, and one count: method, path template, status, seconds; in the log its job, too.

Never a body, a query or a header.
"""

import logging
import time
from uuid import UUID

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.meters import Meters
from mainspring.logs import log, places

QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/metrics/targets"})


class RequestLog:
    """ASGI middleware that neither buffers nor delays what passes through it."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app, self._meters = app, meters

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

        self._meters.running.inc()
        try:
            await self._app(scope, receive, noting)
        finally:
            seconds, path = time.perf_counter() - began, getattr(scope.get("route"), "path", "unmatched")
            self._meters.running.dec()
            self._meters.answered(scope["method"], path, status, seconds)
            _write(scope, path, status, seconds)


def without_texts(record: logging.LogRecord) -> bool:
    """A filter for uvicorn's log: of an unexpected exception its type and places, since its text may be a prompt."""
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        what = (record.getMessage().strip(), type(error).__name__, places(error))
        record.msg, record.args = "%s: %s at %s", what
        record.exc_info, record.exc_text = None, None
    return True


def _write(scope: Scope, path: str, status: int, seconds: float) -> None:
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
