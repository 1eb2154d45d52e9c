"""A batch that cannot be stored as a whole, line by line in the end."""

from collections.abc import Sequence

import psycopg
import pytest
from sqlalchemy.exc import DataError, OperationalError

from api.halving import in_halves
from mainspring.errors import MainspringError

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Store:
    """Keeps a part unless it holds something that the database refuses: by an error each of these stands for."""

    def __init__(self, **refuses: Exception) -> None:
        self.refuses, self.kept, self.parts = refuses, "", 0

    async def __call__(self, part: Sequence[str]) -> list[str]:
        self.parts += 1
        for line in part:
            if line in self.refuses:
                raise self.refuses[line]
        self.kept += "".join(part)
        return [line.upper() for line in part]


def codes(results: Sequence[str | MainspringError]) -> str:
    return " ".join(one.code if isinstance(one, MainspringError) else one for one in results)


def failed(error: type[psycopg.Error]) -> Exception:
    kind = OperationalError if issubclass(error, psycopg.OperationalError) else DataError
    return kind("insert", {}, error())


async def test_the_others_are_kept_once_and_in_order() -> None:
    store = Store(d=failed(psycopg.errors.CharacterNotInRepertoire), g=KeyError("a bug of ours"))
    assert codes(await in_halves(store, "abcdefgh")) == "A B C internal E F internal H"
    assert store.kept == "abcefh"
    assert store.parts < 16


async def test_a_deadlock_is_tried_again_in_parts() -> None:
    store = Store(b=failed(psycopg.errors.DeadlockDetected), c=failed(psycopg.errors.LockNotAvailable))
    assert codes(await in_halves(store, "abcd")) == "A unavailable unavailable D"


async def test_a_database_that_is_away_is_asked_once() -> None:
    store = Store(c=failed(psycopg.errors.AdminShutdown))
    assert codes(await in_halves(store, "abcd")) == " ".join(["unavailable"] * 4)
    assert store.parts == 1


async def test_patience_ends() -> None:
    store = Store(c=failed(psycopg.errors.DeadlockDetected))
    assert codes(await in_halves(store, "abcd", until=0.0)) == " ".join(["unavailable"] * 4)
    assert store.parts == 1
