"""`mainspring watch` in a terminal: what waits and ends, how fast, what people say, what has drifted."""

import signal
from io import StringIO
from uuid import UUID

import httpx
import pytest
from rich.console import Console
from sqlalchemy import text

from mainspring.access import make_key
from mainspring.cli.live import look, page
from mainspring.client import Client
from mainspring.tables import Database
from mainspring.terms import JOBS
from tests.api.serving import Hands, Served
from tests.api.test_command_line import elsewhere, read, running
from tests.api.test_refreshes import wound
from tests.api.winding import Trainer, rounds
from tests.core.monitoring.served import hear

__all__ = ["elsewhere"]

ALARM = text(
    """
    with made as (
        insert into drift_references (id, version_id, origin, size, first_seq, last_seq, digest, content, made_by, reason)
        values (gen_random_uuid(), :version, 'traffic', 1, 1, 1, '', '', 'test', 'test') returning id
    )
    insert into drift_alarms (id, reference_id, version_id, deployment, kind, detector, requests, value, threshold, details)
    select gen_random_uuid(), id, :version, 'assistant', 'data', 'words', 12, 5, 4.6, '{"terms": ["integral"]}' from made
    """
)
DECISION = text(
    "insert into drift_decisions (deployment, state, reasons) values ('assistant', 'retrain', '[]')"
)


def shown(served: Served, key: str) -> str:
    told = StringIO()
    console = Console(file=told, width=220)
    with Client(served.url, key) as api:
        console.print(page(look(api, None, 10)))
    return told.getvalue()


@pytest.fixture
def drifted(database: Database, assistant: UUID) -> UUID:
    """`assistant@1`, with an open alarm."""
    with database.transaction() as session:
        session.execute(ALARM, {"version": assistant})
        session.execute(DECISION)
    return assistant


def test_a_deployment_at_a_glance(
    client: httpx.Client, served: Served, key: str, drifted: UUID, hands: Hands
) -> None:
    asked = [
        client.post("/v1/jobs", json={"deployment": "assistant", "input": "x"}).json()["id"] for _ in range(3)
    ]
    for job in asked[:2]:
        hands.finish(hands.take(drifted), {"label": "cat"})
        client.post(f"/v1/jobs/{job}/feedback", json={"rating": 1}).raise_for_status()
    hear(hands.database)
    said = shown(served, key)
    (row,) = [line for line in said.splitlines() if line.startswith(" assistant ")]
    cells = row.split()
    assert cells[:3] == ["assistant", "1", "0"]  # queued, running
    assert "+1.00 (-0.32 to +1.00)" in row
    assert "retrain 1 open" in row
    assert "data drift by words: integral" in said
    assert all(job in said for job in asked)


def test_a_key_without_admin_sees_its_jobs(served: Served, database: Database, assistant: UUID) -> None:
    with database.transaction() as session:
        key = make_key(session, "other", name="test", scopes=[JOBS], actor="test")
    assert "queued" not in shown(served, key)


def test_it_goes_on_until_it_is_stopped(
    elsewhere: dict[str, str], client: httpx.Client, assistant: UUID
) -> None:
    with running(elsewhere | {"FORCE_COLOR": "1", "COLUMNS": "220"}, "watch", "assistant") as watching:
        while "queued" not in read(watching.stdout):
            pass
        job = client.post("/v1/jobs", json={"deployment": "assistant", "input": "x"}).json()["id"]
        while job not in read(watching.stdout):
            pass
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0


@pytest.mark.usefixtures("assistant")
def test_a_refresh_that_goes_on(client: httpx.Client, served: Served, key: str, database: Database) -> None:
    assert "refresh" not in shown(served, key)
    wound(client, approval=True)
    client.post("/v1/deployments/assistant/refreshes", json={"reason": "asked for"}).raise_for_status()
    hands = Trainer(database)
    rounds(database)
    hands.carry_out()
    rounds(database)
    fence = hands.claim()
    measures = {"training_loss": 3.2, "tokens_per_second": 1234.5, "remaining_seconds": 200}
    hands.tell(fence, 0.4, "training · step 4 of 10", **measures)
    said = "training · step 4 of 10 · 40%, loss 3.2, 1,234 tokens/s, 3 min 20 s left"
    assert f"refresh assistant  training  {said}" in shown(served, key)
    hands.finish(fence)
    rounds(database)
    hands.carry_out()
    rounds(database)
    assert "refresh assistant@2 waits for a word" in shown(served, key)
