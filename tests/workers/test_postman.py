"""Webhooks against receivers of every kind: what each of them is sent, and what is written of it."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from standardwebhooks import Webhook

from mainspring.serving import answer, lease, webhooks
from mainspring.serving.accept import accept
from mainspring.serving.claim import claim
from mainspring.serving.engine import EngineAnswer
from mainspring.serving.receipt import Submission
from mainspring.settings import Settings
from mainspring.signing import webhook_secret
from mainspring.tables import Database, Delivery, DeliveryState, DeliveryTry
from tests.api.serving import until
from tests.rows import caller, champion
from workers import postman
from workers.postman import Postman


class Receiver(ThreadingHTTPServer):
    """Answers with the status in the path; keeps what it was sent."""

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


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.release.set()
    running.shutdown()


@pytest.fixture
def sender(settings: Settings, database: Database) -> Iterator[Postman]:
    made = Postman(settings.model_copy(update={"webhooks_to_private_addresses": True}), database)
    yield made
    made.close()


def ended(database: Database, url: str) -> tuple[UUID, UUID]:
    """An answered job with a webhook: its id and its tenant's."""
    with database.transaction() as session:
        worker = lease.begin(session, "infer", 60)
        who = caller(session)
        version = champion(session).id
    with database.begin() as connection:
        receipt = accept(connection, who, Submission("assistant", "hello", webhook=url))
        job = claim(connection, version, worker)
        assert job is not None
        answer.succeed(connection, job.fence, EngineAnswer({"text": "yes"}, {}))
    return receipt.job_id, who.tenant_id


def tries(database: Database) -> list[DeliveryTry]:
    with database.transaction() as session:
        return list(session.scalars(select(DeliveryTry).order_by(DeliveryTry.number)))


def delivery(database: Database) -> Delivery:
    with database.transaction() as session:
        return session.scalars(select(Delivery)).one()


def due_again(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("update deliveries set next_at = now()"))


def test_a_job_that_runs_is_not_told(database: Database, sender: Postman, receiver: Receiver) -> None:
    with database.transaction() as session:
        who = caller(session)
        champion(session)
    with database.begin() as connection:
        accept(connection, who, Submission("assistant", "hello", webhook=f"{receiver.url}/200"))
    sender.round()
    assert tries(database) == []
    assert receiver.got == []


def test_signed_and_verifiable(
    database: Database, sender: Postman, receiver: Receiver, settings: Settings
) -> None:
    job, tenant = ended(database, f"{receiver.url}/200")
    sender.round()
    until(lambda: delivery(database).state == DeliveryState.DELIVERED)
    ((_, headers, body),) = receiver.got
    told = Webhook(webhook_secret(settings, tenant)).verify(body, headers)
    assert told["type"] == "job.succeeded"
    assert told["data"]["id"] == str(job)
    assert told["data"]["output"] == {"text": "yes"}
    sender.round()
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("path", "status", "state"),
    [
        ("/500", 500, DeliveryState.WAITING),
        ("/302", 302, DeliveryState.WAITING),  # never followed
        ("/410", 410, DeliveryState.ABANDONED),
        ("/204", 204, DeliveryState.DELIVERED),
    ],
)
def test_what_the_receiver_says(
    database: Database,
    sender: Postman,
    receiver: Receiver,
    *,
    path: str,
    status: int,
    state: DeliveryState,
) -> None:
    ended(database, f"{receiver.url}{path}")
    sender.round()
    until(lambda: len(tries(database)) == 1)
    assert (tries(database)[0].status, delivery(database).state) == (status, state)
    assert [path for path, _, _ in receiver.got] == [path]


def test_tried_again_until_it_is_heard_and_given_up_in_the_end(
    database: Database, sender: Postman, receiver: Receiver
) -> None:
    ended(database, f"{receiver.url}/500")
    for number in range(1, len(webhooks.PAUSES) + 2):
        due_again(database)
        sender.round()
        until(lambda number=number: len(tries(database)) == number)
    assert delivery(database).state == DeliveryState.ABANDONED
    identifiers = {headers["webhook-id"] for _, headers, _ in receiver.got}
    assert len(identifiers) == 1  # by which a receiver knows what it has had


def test_down_slow_and_private(
    database: Database, receiver: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    open_ = Postman(settings.model_copy(update={"webhooks_to_private_addresses": True}), database)
    strict = Postman(settings, database)
    monkeypatch.setattr(postman, "TRY_SECONDS", 0.3)
    for url, sender, problem in (
        (nobody, open_, "ConnectError"),
        (f"{receiver.url}/slow", open_, "timeout"),
        (f"{receiver.url}/200", strict, "private_address"),
        ("http://localhost:1/", strict, "private_address"),
        ("http://[::1]:1/", strict, "private_address"),
        ("http://169.254.169.254/latest", strict, "private_address"),
        ("http://no-such-name.invalid/", strict, "ConnectError"),
    ):
        with database.begin() as connection:
            connection.execute(text("truncate jobs, deliveries, versions, deployments cascade"))
        ended(database, url)
        sender.round()
        until(lambda: len(tries(database)) == 1)
        assert (tries(database)[0].problem, tries(database)[0].status) == (problem, None), url
        assert delivery(database).state == DeliveryState.WAITING
    open_.close(), strict.close()
    assert "/200" not in [path for path, _, _ in receiver.got]


def test_a_sender_that_dies_is_replaced(database: Database, sender: Postman, receiver: Receiver) -> None:
    ended(database, f"{receiver.url}/200")
    with database.begin() as connection:  # taken by one who never came back
        assert len(webhooks.due(connection, postman.SHOWN, 5)) == 1
    sender.round()
    assert receiver.got == []
    due_again(database)
    sender.round()
    until(lambda: delivery(database).state == DeliveryState.DELIVERED)
    assert json.loads(receiver.got[0][2])["type"] == "job.succeeded"
