"""Keys over time, and who governs whose: a tenant's admin its own, the operator all."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from mainspring.access import make_key
from mainspring.tables import ApiKey, Database, Event
from mainspring.tenancy import bound_tenant
from mainspring.terms import ADMIN, JOBS
from tests.api.serving import Served, until

Asking = Callable[[str], httpx.Client]
ANEW = "Make a new one"


@pytest.fixture
def by(served: Served) -> Iterator[Asking]:
    """A client with that key."""
    with ExitStack() as opened:
        yield lambda key: opened.enter_context(
            httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        )


@pytest.fixture
def acme(by: Asking, database: Database) -> httpx.Client:
    """The admin of a tenant that is not the operator's."""
    with database.transaction() as session:
        return by(make_key(session, "acme", name="admin", scopes=[JOBS, ADMIN], actor="test"))


def made(client: httpx.Client, **more: Any) -> tuple[str, str]:
    """A new key's secret and its id."""
    secret = client.post("/v1/keys", json={"name": "robot", **more}).json()["key"]
    of = {"tenant": more["tenant"]} if "tenant" in more else {}
    (found,) = [
        one["id"]
        for one in client.get("/v1/keys", params=of).json()["keys"]
        if secret.startswith(f"ms_{one['prefix']}_")
    ]
    return secret, found


def works(client: httpx.Client) -> bool:
    return client.get("/v1/jobs").status_code == 200


def rotated(client: httpx.Client, key_id: str, seconds: int) -> httpx.Response:
    return client.post(f"/v1/keys/{key_id}/rotate", json={"overlap_seconds": seconds})


def expiry(database: Database, key_id: str) -> Any:
    with database.transaction() as session:
        return session.scalar(select(ApiKey.expires_at).where(ApiKey.id == key_id))


def test_a_key_that_has_expired_is_never_brought_back(client: httpx.Client, by: Asking) -> None:
    secret, key_id = made(client)
    assert rotated(client, key_id, 0).status_code == 201
    assert not works(by(secret))
    again = rotated(client, key_id, 3600)
    assert (again.status_code, again.json()["code"], again.json()["field"]) == (409, "conflict", "id")
    assert ANEW in again.json()["remedy"]
    assert not works(by(secret))


def test_a_key_that_was_revoked_is_not_replaced(client: httpx.Client, by: Asking) -> None:
    secret, key_id = made(client)
    assert client.delete(f"/v1/keys/{key_id}").status_code == 204
    refused = rotated(client, key_id, 3600)
    assert (refused.status_code, "revoked" in refused.json()["detail"]) == (409, True)
    assert ANEW in refused.json()["remedy"]
    assert not works(by(secret))
    assert len(client.get("/v1/keys").json()["keys"]) == 2


def test_another_rotation_only_shortens(client: httpx.Client, database: Database) -> None:
    _, key_id = made(client)
    rotated(client, key_id, 600)
    first = expiry(database, key_id)
    rotated(client, key_id, 86400)
    assert expiry(database, key_id) == first
    rotated(client, key_id, 60)
    assert expiry(database, key_id) < first
    with database.transaction() as session:
        told = session.scalars(
            select(Event.reason).where(Event.kind == "key.rotated").order_by(Event.position)
        )
        assert f"works until {first:%Y-%m-%d %H:%M:%S}" in list(told)[1]


def test_the_operator_governs_the_keys_of_all(client: httpx.Client, by: Asking) -> None:
    secret, key_id = made(client, tenant="shop")
    assert works(by(secret))
    listed = client.get("/v1/keys", params={"tenant": "shop"}).json()["keys"]
    assert [(one["id"], one["tenant"]) for one in listed] == [(key_id, "shop")]
    second = rotated(client, key_id, 0).json()["key"]
    assert (works(by(secret)), works(by(second))) == (False, True)
    newest = client.get("/v1/keys", params={"tenant": "shop"}).json()["keys"][0]["id"]
    assert client.delete(f"/v1/keys/{newest}").status_code == 204
    assert not works(by(second))
    unknown = client.get("/v1/keys", params={"tenant": "nobody"})
    assert (unknown.status_code, unknown.json()["field"]) == (404, "tenant")


def test_an_admin_of_another_tenant_governs_its_own_alone(
    client: httpx.Client, acme: httpx.Client, by: Asking
) -> None:
    theirs, key_id = made(client, tenant="shop")
    mine, my_id = made(acme)
    assert works(by(mine))
    refusals = [
        acme.post("/v1/keys", json={"name": "spy", "tenant": "shop"}),
        acme.post("/v1/keys", json={"name": "spy", "tenant": "default"}),
        acme.post("/v1/keys", json={"name": "spy", "tenant": "brand new"}),
        acme.get("/v1/keys", params={"tenant": "shop"}),
        acme.get("/v1/keys", params={"tenant": "nobody"}),
        acme.put("/v1/tenants/acme", json={"weight": 1000}),
        acme.get("/v1/events"),
        acme.get("/v1/audit/verify"),
    ]
    assert [(one.status_code, one.json()["code"]) for one in refusals] == [(403, "forbidden")] * len(refusals)
    assert all("`default`" in one.json()["remedy"] for one in refusals)
    assert rotated(acme, key_id, 0).json()["code"] == "not_found"
    assert acme.delete(f"/v1/keys/{key_id}").json()["code"] == "not_found"
    assert works(by(theirs))
    assert {one["tenant"] for one in acme.get("/v1/keys").json()["keys"]} == {"acme"}
    assert acme.post("/v1/keys", json={"name": "own", "tenant": "acme"}).status_code == 201
    assert acme.delete(f"/v1/keys/{my_id}").status_code == 204
    assert not works(by(mine))


def test_tenants_are_listed_with_their_bounds(client: httpx.Client, acme: httpx.Client) -> None:
    client.put("/v1/tenants/shop%2Fnorth", json={"weight": 2, "per_minute": 5})
    found = {one["name"]: one for one in client.get("/v1/tenants").json()["tenants"]}
    assert list(found) == ["acme", "default", "shop/north"]
    assert found["shop/north"] == {
        "name": "shop/north",
        "weight": 2,
        "queue_bound": None,
        "running_bound": None,
        "per_minute": 5,
    }
    assert [one["name"] for one in acme.get("/v1/tenants").json()["tenants"]] == ["acme"]
    assert client.put(f"/v1/tenants/{'x' * 129}", json={}).json()["field"] == "name"


@pytest.mark.parametrize("first", ["key", "bounds"])
def test_two_that_make_a_tenant_at_once_get_the_same_one(database: Database, first: str) -> None:
    def make() -> None:
        with database.transaction() as session:
            verb(session)

    def key(session: Any) -> None:
        make_key(session, "new", name="k", scopes=[JOBS], actor="test")

    def bounds(session: Any) -> None:
        bound_tenant(session, "new", {"weight": 3.0}, actor="test")

    begin, verb = (key, bounds) if first == "key" else (bounds, key)
    with ThreadPoolExecutor(1) as other:
        with database.transaction() as session:
            begin(session)
            second = other.submit(make)
            until(lambda: _waiting(database))
        second.result(10)
    with database.transaction() as session:
        assert session.scalar(text("select count(*) from tenants where name = 'new' and weight = 3")) == 1
        assert session.scalar(text("select count(*) from api_keys")) == 1


def _waiting(database: Database) -> bool:
    """Whether a transaction waits for another one."""
    with database.begin() as connection:
        waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        return bool(connection.scalar(text(waits)))
