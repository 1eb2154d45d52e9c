"""A worker and its trials: all of them while nobody waits, few beside jobs, and one now and then whatever the load."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select

from mainspring.client import Client
from mainspring.messages import TryOut
from mainspring.settings import Settings
from mainspring.tables import Database, Version
from tests.api.serving import until
from tests.api.trying import states
from tests.workers.slow_pace import SLOTS
from workers.app import create_app, send

BASE = "/v1/deployments/assistant"


@pytest.fixture
def nudge(settings: Settings, api: Client, database: Database) -> Any:
    """As beat does it."""
    app = create_app(settings, "ops", [])
    with database.transaction() as session:
        version = str(session.scalars(select(Version.id)).one())
    return lambda: send(app, TryOut(version))


def asked(api: Client, count: int) -> None:
    prompts = [{"input": f"question {number}", "expected": "nothing"} for number in range(count)]
    api.request("PUT", f"{BASE}/prompts/some", json={"prompts": prompts})
    api.request("POST", f"{BASE}/prompts/some/trials", json={"versions": ["assistant@1"]})


def test_while_nobody_waits_one_message_is_enough_for_all(
    api: Client, database: Database, nudge: Any
) -> None:
    asked(api, 5)
    assert states(database) == {"waiting": 5}
    nudge()
    until(lambda: states(database) == {"done": 5}, 30)


def test_whatever_the_load_they_go_on(api: Client, database: Database, nudge: Any) -> None:
    asked(api, 2)
    over = Event()

    def produce(number: int) -> None:
        while not over.is_set():
            api.result(api.submit("assistant", f"{number}")["id"], 60)

    with ThreadPoolExecutor(3 * SLOTS) as pool:
        producers = [pool.submit(produce, number) for number in range(3 * SLOTS)]
        try:
            until(lambda: api.request("GET", f"{BASE}")["workers"], 10)
            while states(database) != {"done": 2}:
                nudge()
                over.wait(0.5)
        finally:
            over.set()
            for producer in producers:
                producer.result(60)
