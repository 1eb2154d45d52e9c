"""Many deliveries at once: none waits for beat, none is sent twice, and slow receivers do not take all the hands."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from mainspring.settings import Settings
from mainspring.tables import Database
from tests.api.serving import until
from tests.workers.receiving import Receiver, ended, states
from workers.postman import HANDS, Postman


@pytest.fixture
def sender(open_to_all: Settings, database: Database) -> Iterator[Postman]:
    made = Postman(open_to_all, database)
    yield made
    made.close()
    made._threads.shutdown(wait=True)  # what is on its way is written before the database goes


@pytest.fixture
def another(database: Database, receiver: Receiver) -> Iterator[Receiver]:
    """In another lane than `receiver`, as 255 of 256 ports are."""
    lanes = text("select receiver_lane(:one) <> receiver_lane(:other)")
    found = Receiver()
    with database.begin() as connection:
        while not connection.scalar(lanes, {"one": f"{receiver.url}/", "other": f"{found.url}/x"}):
            found.shutdown()
            found = Receiver()
    yield found
    found.shutdown()


def test_one_round_goes_on_until_nothing_is_due(
    database: Database, sender: Postman, receiver: Receiver
) -> None:
    ended(database, f"{receiver.url}/200", many=3 * HANDS)
    sender.round()
    until(lambda: states(database) == {"delivered": 3 * HANDS}, seconds=30)
    assert len(receiver.got) == 3 * HANDS


def test_rounds_at_once_send_nothing_twice(
    database: Database, sender: Postman, receiver: Receiver, open_to_all: Settings
) -> None:
    ended(database, f"{receiver.url}/200", many=100)
    other = Postman(open_to_all, database)
    for _ in range(5):
        sender.round(), other.round()
    until(lambda: states(database) == {"delivered": 100}, seconds=30)
    other.close()
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == len(receiver.got) == 100


def test_a_slow_receiver_leaves_hands_for_others_of_its_tenant(
    database: Database, sender: Postman, receiver: Receiver, another: Receiver
) -> None:
    ended(database, f"{receiver.url}/slow", many=HANDS)
    ended(database, f"{another.url}/200", many=HANDS)
    sender.round()
    until(lambda: states(database).get("delivered") == HANDS, seconds=30)
    assert len(receiver.got) <= HANDS // 3 + 1  # all of them still there
    sender.close()


def test_a_tenant_with_slow_receivers_leaves_hands_for_other_tenants(
    database: Database, sender: Postman, receiver: Receiver, another: Receiver
) -> None:
    for slow in (receiver, another):
        ended(database, f"{slow.url}/slow", many=HANDS)
    ended(database, f"{receiver.url}/200", many=HANDS, tenant="other")
    sender.round()
    until(lambda: states(database).get("delivered") == HANDS, seconds=30)
    sender.close()
    another.release.set()
    slow = [path for path, _, _ in (*receiver.got, *another.got) if path == "/slow"]
    assert len(slow) <= HANDS // 2


def test_who_closes_writes_what_is_on_its_way_and_takes_no_more(
    database: Database, sender: Postman, receiver: Receiver
) -> None:
    ended(database, f"{receiver.url}/slow", many=2 * HANDS)
    sender.round()
    until(lambda: len(receiver.got) == HANDS // 3 + 1)
    sender.close()
    sender.round()
    receiver.release.set()
    until(lambda: states(database).get("delivered") == HANDS // 3 + 1)
    assert len(receiver.got) == HANDS // 3 + 1
