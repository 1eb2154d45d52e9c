"""What the api makes of a caller's trace context: in the row, and in spans."""

import json

import httpx
import pytest
from sqlalchemy import select, text

from mainspring.serving import bounded, lease
from mainspring.serving.claim import claim
from mainspring.settings import Settings
from mainspring.tables import Database, Job
from tests.api.serving import Served
from tests.rows import champion
from tests.tracing.collector import Collector

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = (f"00-{TRACE}-{CALLER}-0{flag}" for flag in (1, 0))
BODY = {"deployment": "assistant", "input": "Nobody may read this."}


@pytest.fixture(autouse=True)
def assistant(database: Database) -> None:
    with database.transaction() as session:
        champion(session)


def rows(database: Database) -> list[tuple[str | None, str | None]]:
    with database.transaction() as session:
        found = session.execute(select(Job.traceparent, Job.tracestate).order_by(Job.id))
        return [(one.traceparent, one.tracestate) for one in found]


def test_the_row_carries_the_accepting_span(
    client: httpx.Client, database: Database, collector: Collector
) -> None:
    answer = client.post("/v1/jobs", json=BODY, headers={"traceparent": SAMPLED, "tracestate": "a=1,b=2"})
    assert answer.status_code == 202
    accept = collector.wait_for(TRACE, "POST /v1/jobs", "accept assistant")["accept assistant"]
    assert rows(database) == [(f"00-{TRACE}-{accept.id}-01", "a=1,b=2")]


def test_a_caller_without_a_context_begins_a_trace(
    client: httpx.Client, database: Database, collector: Collector
) -> None:
    client.post("/v1/jobs", json=BODY)
    client.post("/v1/jobs", json=BODY, headers={"traceparent": "00-nonsense-01", "tracestate": "a=1"})
    found = collector.until(lambda spans: len(spans) == 4)
    begun = [one for one in found if not one.parent]
    assert [one.name for one in begun] == ["POST /v1/jobs"] * 2
    assert len({one.trace for one in begun}) == 2
    assert sorted((trace or "")[:-2] for trace, _ in rows(database)) == sorted(
        f"00-{one.trace}-{one.id}-" for one in found if one.name == "accept assistant"
    )


def test_a_caller_that_does_not_sample_is_not_traced(client: httpx.Client, database: Database) -> None:
    client.post("/v1/jobs", json=BODY, headers={"traceparent": UNSAMPLED})
    assert rows(database) == [(None, None)]


def test_a_ratio_is_for_callers_without_a_context(
    traced: Settings, key: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    with Served(traced) as served:
        for headers in ({}, {"traceparent": SAMPLED}):
            headers["Authorization"] = f"Bearer {key}"
            httpx.post(f"{served.url}/v1/jobs", json=BODY, headers=headers).raise_for_status()
    kept = [trace for trace, _ in rows(database)]
    assert kept[0] is None
    assert kept[1] is not None
    assert kept[1].startswith(f"00-{TRACE}-")


def test_a_bulk_is_one_span_that_its_rows_carry(
    client: httpx.Client, database: Database, collector: Collector
) -> None:
    lines = [BODY, {"deployment": "nobody knows", "input": "x"}, BODY | {"idempotency_key": "1"}]
    lines += [BODY | {"session": "talk"}]
    body = "\n".join(json.dumps(one) for one in lines)
    client.post("/v1/jobs/bulk", content=body, headers={"traceparent": SAMPLED, "tracestate": "a=1"})
    found = collector.wait_for(TRACE, "POST /v1/jobs/bulk", "accept")
    request, accept = found["POST /v1/jobs/bulk"], found["accept"]
    assert accept.parent == request.id
    assert accept.about["messaging.batch.message_count"] == 4
    assert rows(database) == [(f"00-{TRACE}-{accept.id}-01", "a=1")] * 3


def test_what_a_caller_writes_elsewhere_is_in_no_span(client: httpx.Client, collector: Collector) -> None:
    for path, body in (
        ("/v1/jobs?note=Nobody+may+read+this.", BODY),
        ("/v1/jobs", BODY | {"deployment": "Nobody may read this."}),
        ("/v1/jobs", BODY | {"parameters": {"Nobody may read this.": 1}}),
    ):
        client.post(path, json=body, headers={"traceparent": SAMPLED})
    collector.until(lambda spans: len(spans) == 5)
    assert sorted(one.about.get("error.type", "") for one in collector.spans if one.name == "accept") == [
        "unknown_deployment",
        "unknown_parameter",
    ]
    assert b"Nobody" not in collector.raw


def test_a_repeated_key_gives_the_first_trace(client: httpx.Client, database: Database) -> None:
    headers = {"Idempotency-Key": "1", "traceparent": SAMPLED}
    first = client.post("/v1/jobs", json=BODY, headers=headers)
    (kept,) = rows(database)
    again = client.post(
        "/v1/jobs", json=BODY, headers=headers | {"traceparent": f"00-{'2' * 32}-{CALLER}-01"}
    )
    assert again.json()["id"] == first.json()["id"]
    assert rows(database) == [kept]


def test_both_claims_find_it(client: httpx.Client, database: Database) -> None:
    for _ in range(2):
        client.post("/v1/jobs", json=BODY, headers={"traceparent": SAMPLED, "tracestate": "a=1"})
    with database.transaction() as session:
        worker = lease.begin(session, "infer", 60)
        version = session.scalars(select(Job.version_id)).first()
        session.execute(text("update tenants set running_bound = 2"))
    assert version is not None
    with database.begin() as connection:
        for job in (claim(connection, version, worker), bounded.claim(connection, version, worker)):
            assert job is not None
            assert job.trace is not None
            assert job.trace.context.traceparent.startswith(f"00-{TRACE}-")
            assert job.trace.context.tracestate == "a=1"
            assert 0 <= job.trace.begun - job.trace.accepted < 60
