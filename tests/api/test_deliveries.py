"""The log of webhooks, as a client reads it."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from api.routes.webhooks import listed
from mainspring.serving.due import due
from mainspring.serving.hands import Hands
from mainspring.serving.webhooks import Tried, settle
from mainspring.tables import Database
from tests.api.paging import pages
from tests.api.serving import Hands as Worker
from tests.rows import caller

ASK = {"deployment": "assistant", "input": "Why?", "webhook": {"url": "https://example.org/ended"}}
MANY = """
    insert into jobs (id, tenant_id, deployment, version_id, input, parameters, seed, request_digest, webhook)
    select gen_random_uuid(), :tenant, 'assistant', :version, '"x"', '{}', 1, '\\x00', true
    from generate_series(1, 3000)
"""
READ = "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_xact_user_tables"


def submit(client: httpx.Client) -> str:
    answer = client.post("/v1/jobs", json=ASK)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def told(client: httpx.Client, **wanted: Any) -> list[dict[str, Any]]:
    return pages(client, "/v1/webhooks/deliveries", **wanted)


def tell(database: Database, tried: Tried) -> None:
    """What is due, as the postman would."""
    with database.begin() as connection:
        settle(connection, [(one, tried) for one in due(connection, Hands(16))])


def test_newest_first_page_by_page(
    client: httpx.Client, assistant: UUID, hands: Worker, database: Database
) -> None:
    jobs = [submit(client) for _ in range(7)]
    fence = hands.take(assistant)
    hands.finish(fence, {"text": "yes"})
    tell(database, Tried(0.5, status=204))
    assert [one["job"] for one in told(client, limit=3)] == jobs[::-1]
    (heard,) = told(client, state="delivered")
    assert (heard["job"], heard["next_at"]) == (str(fence.job_id), None)
    assert [(one["number"], one["status"], one["seconds"]) for one in heard["tries"]] == [(1, 204, 0.5)]
    assert [one["job"] for one in told(client, job=jobs[3])] == [jobs[3]]
    assert told(client, job=str(uuid4())) == []
    assert told(client, job=jobs[-1], state="delivered") == []
    waiting = told(client, state="waiting", limit=4)
    assert [(one["job"], one["next_at"]) for one in waiting] == [(job, None) for job in jobs[:0:-1]]


def test_the_next_try_is_told(
    client: httpx.Client, assistant: UUID, hands: Worker, database: Database
) -> None:
    submit(client)
    hands.finish(hands.take(assistant), {"text": "yes"})
    (before,) = told(client)
    tell(database, Tried(15.0, problem="timeout"))
    (after,) = told(client)
    assert after["next_at"] > before["next_at"] > before["created_at"]
    assert after["tries"][0]["problem"] == "timeout"


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"state": "sent"}, "state"),
        ({"job": "7"}, "job"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_a_list_that_cannot_be(client: httpx.Client, wanted: dict[str, str], field: str) -> None:
    answer = client.get("/v1/webhooks/deliveries", params=wanted)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert answer.json()["remedy"]


def test_another_tenant_sees_nothing(client: httpx.Client, stranger: httpx.Client, assistant: UUID) -> None:
    mine = submit(client)
    assert told(stranger) == told(stranger, job=mine) == told(stranger, state="waiting") == []
    assert len(told(client)) == 1


@pytest.mark.parametrize("wanted", [{}, {"state": "waiting"}, {"state": "abandoned"}])
def test_a_page_costs_nothing_for_what_others_have(
    client: httpx.Client, database: Database, assistant: UUID, wanted: dict[str, Any]
) -> None:
    submit(client)
    notify = "insert into deliveries (id, job_id, url) select gen_random_uuid(), id, 'http://x/' from jobs"
    with database.transaction() as session:
        mine, other = caller(session), caller(session, "other").tenant_id
    with database.begin() as connection:
        connection.execute(text(MANY), {"tenant": other, "version": assistant})
        connection.execute(text(f"{notify} where tenant_id = :other"), {"other": other})
    with database.begin() as connection:
        before = connection.scalar(text(READ))
        page = listed(connection, mine, wanted, UUID(int=2**128 - 1), 50)
        assert connection.scalar(text(READ)) - before < 20
    assert len(page["deliveries"]) == (wanted.get("state") != "abandoned")
