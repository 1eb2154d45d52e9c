"""Webhooks against receivers of every kind: what each of them is sent, and what is written of it."""

import json
import socket
from collections.abc import Iterator

import pytest
from sqlalchemy import select, text
from standardwebhooks import Webhook

from mainspring.serving import webhooks
from mainspring.serving.accept import accept
from mainspring.serving.due import TAKEN_FOR, due
from mainspring.serving.hands import Hands
from mainspring.serving.receipt import Submission
from mainspring.settings import Settings
from mainspring.signing import webhook_secret
from mainspring.tables import Database, Delivery, DeliveryState, DeliveryTry
from tests.api.serving import until
from tests.rows import caller, champion
from tests.workers.receiving import Dripping, Receiver, ended
from workers import postman
from workers.postman import Postman


@pytest.fixture
def sender(open_to_all: Settings, database: Database) -> Iterator[Postman]:
    made = Postman(open_to_all, database)
    yield made
    made.close()


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
    database: Database,
    receiver: Receiver,
    settings: Settings,
    open_to_all: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    open_ = Postman(open_to_all, database)
    strict = Postman(settings, database)
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
        monkeypatch.setattr(postman, "TRY_SECONDS", 0.3 if problem == "timeout" else 15.0)
        sender.round()
        until(lambda: len(tries(database)) == 1)
        assert (tries(database)[0].problem, tries(database)[0].status) == (problem, None), url
        assert delivery(database).state == DeliveryState.WAITING
    open_.close(), strict.close()
    assert "/200" not in [path for path, _, _ in receiver.got]


def test_a_receiver_that_drips_has_no_more_time_than_others(
    database: Database, sender: Postman, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postman, "TRY_SECONDS", 0.5)  # five of its bytes
    dripping = Dripping()
    ended(database, dripping.url)
    sender.round()
    until(lambda: len(tries(database)) == 1)
    assert (tries(database)[0].problem, tries(database)[0].status) == ("timeout", None)
    assert 0.5 <= tries(database)[0].seconds < 2
    assert dripping.left.wait(5)


def test_nobody_takes_what_is_being_sent() -> None:
    assert (
        TAKEN_FOR.total_seconds() > 3 * postman.TRY_SECONDS
    )  # a try, and all patience with the database after it


def test_a_sender_that_dies_is_replaced(database: Database, sender: Postman, receiver: Receiver) -> None:
    ended(database, f"{receiver.url}/200")
    with database.begin() as connection:  # taken by one who never came back
        assert len(due(connection, Hands(5))) == 1
    sender.round()
    assert receiver.got == []
    due_again(database)
    sender.round()
    until(lambda: delivery(database).state == DeliveryState.DELIVERED)
    assert json.loads(receiver.got[0][2])["type"] == "job.succeeded"
