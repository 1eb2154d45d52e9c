"""Whose a request is, an engine is told: what it keeps of one tenant's requests serves no other's."""

from mainspring.access import make_key
from mainspring.client import Client
from mainspring.tables import Database
from mainspring.terms import JOBS


def test_requests_of_one_tenant_share_a_scope_that_no_other_has(api: Client, database: Database) -> None:
    with database.transaction() as session:
        theirs = make_key(session, "other", name="test", scopes=[JOBS], actor="test")
    with Client(str(api._http.base_url), theirs) as other:
        said = [client.result(client.submit("assistant", "hello")["id"]) for client in (api, api, other)]
    scopes = [job["output"]["text"] for job in said]
    assert scopes[0] == scopes[1] != scopes[2]
    assert all(scopes)
