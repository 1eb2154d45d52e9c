"""What a pass of the sweep makes good of a worker that has died."""

from uuid import UUID

import httpx
import pytest
from redis import Redis

from mainspring.serving import lease, stream
from mainspring.settings import Settings
from mainspring.tables import Database, Task
from tests.api.rolling import NAME, another, holds, over, submitted
from tests.api.serving import Hands, Served, produce
from tests.workers.rounds import connections
from workers.app import create_app
from workers.postman import Postman
from workers.sweeping import sweep_once


@pytest.fixture
def assistant(database: Database) -> UUID:
    return produce(database, "assistant", Task.TEXT_GENERATION)


def dies(database: Database, hands: Hands) -> None:
    with database.transaction() as session:
        lease.renew(session, hands.incarnation, -1)


def swept(settings: Settings, database: Database, redis: Redis) -> list[str]:
    """The jobs that are said to have ended."""
    use = connections(settings, database, redis, Postman(settings, database))
    with redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(stream.ENDED)
        heard.get_message(timeout=1)
        sweep_once(create_app(settings, "ops", []), use)
        told: list[str] = []
        while (message := heard.get_message(timeout=0.2)) is not None:
            told += stream.told(message["data"])
    return told


def test_who_waits_is_told_what_died_with_the_worker(
    settings: Settings, database: Database, redis: Redis, assistant: UUID, key: str
) -> None:
    hands = Hands(database, redis)
    holds(database, hands, assistant)
    with Served(settings) as served, httpx.Client(base_url=served.url) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        done, _ = submitted(client, 2)
    hands.finish(hands.take(assistant), {"text": "yes"}, tell=False)
    assert swept(settings, database, redis) == []
    dies(database, hands)
    assert swept(settings, database, redis) == [done["id"]]
    assert swept(settings, database, redis) == []


def test_what_it_held_of_a_version_that_was_rolled_back_goes_to_the_champion(
    settings: Settings, database: Database, redis: Redis, assistant: UUID, key: str
) -> None:
    hands = Hands(database, redis)
    second = another(database)
    with Served(settings) as served, httpx.Client(base_url=served.url) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        over(client)
        [asked] = submitted(client, 1)
        hands.take(second)
        client.post(f"{NAME}/rollback", json={}).raise_for_status()
        dies(database, hands)
        swept(settings, database, redis)
        assert client.get(f"/v1/jobs/{asked['id']}").json()["version"] == "assistant@1"
