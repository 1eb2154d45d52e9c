"""Receivers of webhooks, each with a fault of its own; what they hear is kept."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Heard(NamedTuple):
    path: str
    headers: dict[str, str]
    body: str


class _Server(ThreadingHTTPServer):
    request_queue_size = 256  # of its own five, the sixth sender at once would wait for a second


class Receiver:
    """`/200`, `/500`, ...: answers with that status. `/second/500`: so at first, and with 200 from the second time on.
    `/slow`: holds the first answer back until the sender has left. It can be closed and opened again."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.heard: list[Heard] = []
        self._paths: set[str] = set()
        self.url = f"http://127.0.0.1:{self._port}"
        self._left = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        self._server = _Server(("127.0.0.1", self._port), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._left.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def take(self, path: str, headers: dict[str, str], body: str) -> int:
        """Keep it, and say with which status it is answered."""
        first = path not in self._paths
        self._paths.add(path)
        self.heard.append(Heard(path, headers, body))
        if path == "/slow" and first:
            self._left.wait(60)
        status = path.rpartition("/")[2]
        again = path.startswith("/second/") and not first
        return int(status) if status.isdecimal() and not again else 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                status = receiver.take(self.path, dict(self.headers), body)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{receiver.url}/200")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
