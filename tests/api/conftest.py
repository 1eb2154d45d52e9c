"""The api, a client with a key, and deployments to ask."""

from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from redis import Redis

from mainspring.access import make_key
from mainspring.settings import Settings
from mainspring.tables import Database, Task
from mainspring.terms import JOBS
from tests.api.commanding import Commands
from tests.api.serving import Hands, Served, produce


@pytest.fixture
def served(settings: Settings) -> Iterator[Served]:
    with Served(settings) as running:
        yield running


@pytest.fixture
def client(served: Served, key: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=30) as opened:
        yield opened


@pytest.fixture
def stranger(served: Served, database: Database) -> Iterator[httpx.Client]:
    """A client of another tenant."""
    with database.transaction() as session:
        key = make_key(session, "other", name="test", scopes=[JOBS], actor="test")
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {key}"}) as opened:
        yield opened


@pytest.fixture
def commands(served: Served, settings: Settings, key: str) -> Commands:
    """The command line of that home."""
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "key").write_text(key)
    return Commands(served, settings)


@pytest.fixture
def assistant(database: Database) -> UUID:
    """The id of `assistant@1`, in production."""
    return produce(database, "assistant", Task.TEXT_GENERATION)


@pytest.fixture
def hands(database: Database, redis: Redis) -> Hands:
    return Hands(database, redis)
