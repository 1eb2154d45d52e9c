"""Receivers of webhooks, and ended jobs that are to be told to them."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from mainspring.serving import answer, lease
from mainspring.serving.accept import accept
from mainspring.serving.claim import claim
from mainspring.serving.engine import EngineAnswer
from mainspring.serving.receipt import Submission
from mainspring.tables import Database, Version
from tests.rows import caller, champion


class Receiver(ThreadingHTTPServer):
    """Answers with the status in the path; `/slow` holds its answers back. Keeps what it was sent."""

    request_queue_size = 256

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], str]] = []
        self.release = threading.Event()
        received = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                received.got.append((self.path, dict(self.headers), body))
                if self.path == "/slow":
                    received.release.wait(20)
                status = int(self.path[1:]) if self.path[1:].isdecimal() else 200
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/200")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Dripping:
    """Begins an answer that never ends, a byte every tenth of a second. `left`: the sender has closed."""

    def __init__(self) -> None:
        self.left = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/"

    def _serve(self) -> None:
        connection, _ = self._server.accept()
        self._server.close()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nServer: ")
            try:
                while not self.left.wait(0.1):
                    connection.sendall(b"x")
            except OSError:
                self.left.set()


def ended(database: Database, url: str, *, many: int = 1, tenant: str = "default") -> tuple[UUID, UUID]:
    """Answered jobs with a webhook: the id of the last one, and the tenant's."""
    with database.transaction() as session:
        worker = lease.begin(session, "infer", 60)
        who = caller(session, tenant)
        version = session.scalar(select(Version.id)) or champion(session).id
    with database.begin() as connection:
        for _ in range(many):
            receipt = accept(connection, who, Submission("assistant", "hello", webhook=url))
            job = claim(connection, version, worker)
            assert job is not None
            answer.succeed(connection, job.fence, EngineAnswer({"text": "yes"}, {}))
    return receipt.job_id, who.tenant_id


def states(database: Database) -> dict[str, int]:
    """How many deliveries are in which state."""
    with database.begin() as connection:
        found = connection.execute(text("select state, count(*) from deliveries group by state"))
        return {row.state: row.count for row in found}
