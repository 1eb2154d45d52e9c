"""`GET /metrics` of one process, on a port of its own: several on a machine do not overwrite each other's counters.

Open on loopback; from elsewhere with any API key, as the api's own `/metrics`.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import orjson
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy.exc import SQLAlchemyError

from mainspring.errors import MainspringError, Unauthenticated
from mainspring.logs import log
from mainspring.metrics.loopback import on_loopback

READ_SECONDS = 5.0  # for a request, then the connection is closed


class Door:
    """`identify` raises Unauthenticated for a header `Authorization` that carries no key. Raises OSError if it cannot listen.

    On the port that was asked for, or on a free one where another process has it.
    """

    def __init__(
        self, registry: CollectorRegistry, host: str, port: int, identify: Callable[[str], object]
    ) -> None:
        try:
            self._server = _listening(registry, host, port, identify)
        except OSError:
            if not port:
                raise
            log.warning("metrics.port_taken", port=port)
            self._server = _listening(registry, host, 0, identify)
        self.port = int(self._server.server_address[1])
        self._closed = False
        self._thread = Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed = True
        with suppress(OSError):  # wakes the thread, which then ends
            socket.create_connection(self._server.socket.getsockname()[:2], 1).close()
        self._thread.join(2)
        self._server.server_close()

    def _run(self) -> None:
        """The library's own loop looks twice a second whether it shall end."""
        while not self._closed:
            self._server.handle_request()


def _listening(
    registry: CollectorRegistry, host: str, port: int, identify: Callable[[str], object]
) -> ThreadingHTTPServer:
    class Answering(_Answering):
        pass

    Answering.registry, Answering.identify = registry, staticmethod(identify)

    class Server(ThreadingHTTPServer):
        daemon_threads, block_on_close = True, False
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    return Server((host, port), Answering)


class _Answering(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = READ_SECONDS
    registry: CollectorRegistry
    identify: Callable[[str], object]

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self._problem(404, "not_found", "there is nothing at this path", "GET /metrics.")
            return
        try:
            if not on_loopback(self.client_address[0], self.headers.get):
                self.identify(self.headers.get("authorization", ""))
        except Unauthenticated as error:
            self._problem(401, error.code, error.detail, error.remedy)
        except (MainspringError, SQLAlchemyError):
            self._problem(503, "unavailable", "the database does not answer", "Try again in a moment.")
        else:
            self._send(200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self.registry))

    def log_message(self, *_: object) -> None:
        """A line for each scrape would say nothing."""

    def _problem(self, status: int, code: str, detail: str, remedy: str | None) -> None:
        body = {
            "type": f"urn:mainspring:error:{code}",
            "status": status,
            "detail": detail,
            "code": code,
            "remedy": remedy,
        }
        self._send(status, "application/problem+json", orjson.dumps(body))

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(body)
