"""The loop in the terminal: asked for, followed, told a word; datasets and evaluations; and by both clients."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func

from mainspring import work
from mainspring.client import AsyncClient, Client, Refused
from mainspring.tables import Database, TrainingRun
from tests.api.commanding import Commands
from tests.api.rolling import another
from tests.api.serving import Served
from tests.api.test_refreshes import wound
from tests.api.winding import POLICY, Trainer, rounds

CANDIDATES = {
    "small": [{"loss": 2.9}, {"loss": 2.5, "gained": 3.2, "broken": 0.0}],
    "wild": [{"failed": "the held-out loss is not a finite number"}],
}
ROWS = '{"text": "A spring stores work."}\n{"text": "A gear passes it on."}\n'


@contextmanager
def working(database: Database) -> Iterator[None]:
    """Rounds are made and work is carried out, beside."""
    over = Event()

    def go_on() -> None:
        hands = Trainer(database)
        while not over.wait(0.05):
            rounds(database)
            with database.transaction() as session:
                waits = work.waiting(session, func.now())
            if waits is not None:
                fence = hands.claim()
                hands.tell(fence, 0.5, "training · step 5 of 10", training_loss=3.2, tokens_per_second=1200)
                if fence.kind is TrainingRun:
                    hands.tell(fence, 0.9, "chosen: small", candidates=CANDIDATES, chosen="small")
                hands.finish(fence)

    beside = Thread(target=go_on, daemon=True)
    beside.start()
    yield
    over.set()
    beside.join(timeout=20)


@pytest.mark.usefixtures("assistant")
def test_a_better_version_followed_to_its_end(
    client: httpx.Client, database: Database, commands: Commands
) -> None:
    early = commands("train", "assistant", "--reason", "the manual has grown")
    assert (early.code, "policy.refresh" in early.wrong) == (1, True)
    assert "has had no refresh" in commands("refresh", "assistant").said
    wound(client)
    with working(database):
        done = commands("train", "assistant", "--reason", "the manual has grown", "--follow")
    assert done.code == 0, done.wrong
    for turn in ("begun", "100 examples to learn from", "assistant@2 is made", "is in production"):
        assert turn in done.said
    shown = commands("refresh", "assistant").said
    for said in (
        "released",
        "assistant@1",
        "since the manual has grown",
        "accept",
        "likelihood.new",
        "verdicts ",
    ):
        assert said in shown, said
    found = json.loads(commands("refresh", "assistant", "--json").said)
    assert found["latest"]["id"] == found["refreshes"][0]["id"]


@pytest.mark.usefixtures("assistant")
def test_the_word_that_it_waits_for(client: httpx.Client, database: Database, commands: Commands) -> None:
    wound(client, approval=True)
    nobody = commands("refresh", "assistant", "--approve")
    assert (nobody.code, "no refresh of assistant goes on" in nobody.wrong) == (1, True)
    with working(database):
        waits = commands("train", "assistant", "--follow")
    assert (waits.code, "assistant@2 waits for a word" in waits.said) == (0, True)
    both = commands("refresh", "assistant", "--approve", "--refuse")
    assert (both.code, "cannot both" in both.wrong) == (1, True)
    said = commands("refresh", "assistant", "--refuse", "--reason", "not before the audit")
    assert said.said.strip() == "assistant@2 is refused."
    assert "not before the audit" in commands("refresh", "assistant").said
    assert "is on its way" in commands("train", "assistant").said
    assert "is cancelled" in commands("refresh", "assistant", "--cancel").said


@pytest.mark.usefixtures("assistant")
def test_a_run_of_a_recipe(
    client: httpx.Client, database: Database, commands: Commands, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(ROWS)
    made = json.loads(commands("datasets", "add", "assistant", str(rows), "--json").said)
    words = ("train", "assistant", "--recipe", "continued-pretraining", "--dataset", made["id"])
    with working(database):
        done = commands(*words, "--parameter", "steps=7", "--follow")
    assert (done.code, "assistant@2 is made" in done.said) == (0, True), done.wrong
    assert "small (chosen): rung 2, loss 2.500, gained 3.2, breaks 0" in done.said
    assert "wild: failed: the held-out loss is not a finite number" in done.said
    (run,) = client.get("/v1/deployments/assistant/training-runs").json()["training_runs"]
    assert (run["parameters"]["steps"], run["dataset"]) == (7, made["id"])
    wrong = commands(*words, "--parameter", "step=7", "--json")
    assert (wrong.code, json.loads(wrong.wrong)["field"]) == (1, "parameters.step")
    assert "--recipe" in commands("train", "assistant", "--parameter", "steps=7").wrong
    queued = json.loads(commands(*words, "--json").said)
    hands = Trainer(database)
    hands.fail(hands.claim(), "the loss is no number")
    assert client.get(f"/v1/training-runs/{queued['id']}").json()["state"] == "failed"


@pytest.mark.usefixtures("assistant")
def test_datasets(database: Database, commands: Commands, tmp_path: Path) -> None:
    assert "no dataset yet" in commands("datasets").said
    rows, more = tmp_path / "rows.jsonl", tmp_path / "more.csv"
    rows.write_text(ROWS)
    more.write_text("text\nA wheel turns.\n")
    made = json.loads(commands("datasets", "add", "assistant", str(rows), str(rows), "--json").said)
    Trainer(database).carry_out()
    shown = commands("datasets", "show", made["id"]).said
    for said in ("succeeded", "train 100, held out 20", "removed: duplicate 3", f"datasets {made['id']}"):
        assert said in shown, said
    assert made["id"] in commands("datasets", "assistant").said
    assert [one["id"] for one in json.loads(commands("datasets", "assistant", "--json").said)] == [made["id"]]
    refused = commands("datasets", "add", "assistant", str(rows), str(more))
    assert (refused.code, "--by-path" in refused.wrong) == (1, True)
    assert "is no file" in commands("datasets", "add", "assistant", str(tmp_path / "none.csv")).wrong
    plan = tmp_path / "plan.json"
    plan.write_text('{"held_out": 0.3}')
    named = commands(
        "datasets", "add", "assistant", str(tmp_path), "--plan", str(plan), "--licence", "mit", "--json"
    )
    found = json.loads(commands("datasets", "show", json.loads(named.said)["id"], "--json").said)
    assert found["plan"]["uploads"] == [{"path": str(tmp_path), "licence": "mit"}]
    assert found["plan"]["held_out"] == 0.3
    plan.write_text("held_out")
    assert "is no plan" in commands("datasets", "add", "assistant", "--plan", str(plan)).wrong


@pytest.mark.usefixtures("assistant")
def test_an_evaluation(client: httpx.Client, database: Database, commands: Commands) -> None:
    wound(client)
    another(database)
    assert "Nothing was measured" in commands("evaluate", "assistant").said
    with working(database):
        done = commands("evaluate", "assistant@2", "--beside", "assistant@1")
    assert done.code == 0, done.wrong
    for said in ("likelihood.old", "2 (1.99 to 2.01)", "beside assistant@1: accept"):
        assert said in done.said, said
    assert "accept" in commands("evaluate", "assistant").said
    receipt = commands("evaluate", "assistant@2", "--no-wait").said.strip()
    listed = json.loads(commands("evaluate", "assistant", "--json").said)
    assert (listed[0]["id"], listed[0]["beside"]) == (receipt, "assistant@1")
    unknown = commands("evaluate", "assistant@2", "--beside", "assistant@9")
    assert (unknown.code, unknown.wrong.startswith("problem beside")) == (1, True)


def test_both_clients(served: Served, key: str, database: Database, assistant: UUID, tmp_path: Path) -> None:
    with Client(served.url, key) as client, working(database):
        client.request("PUT", "/v1/deployments/assistant", json={"task": "text-generation", "policy": POLICY})
        made = client.wait("datasets", client.upload("assistant", [{"text": "A spring."}])["id"])
        assert made["rows"] == {"train": 100, "held_out": 20}
        run = client.train("assistant", "continued-pretraining", dataset_id=made["id"], steps=7)
        made_run = client.wait("training-runs", run["id"])
        assert made_run["version"] == "assistant@2"
        evaluation = client.wait("evaluations", client.evaluate("assistant@2")["id"])
        assert evaluation["line"]["runs"] == [run["id"]]
        ended = client.wait("refreshes", client.refresh("assistant", "the manual has grown")["id"])
        assert ended["state"] == "released"
        assert client.verdict(ended["verdict"])["decision"] == "accept"
        assert [one["id"] for one in client.refreshes("assistant")] == [ended["id"]]
        assert len(client.datasets("assistant")) == 2
        assert len(client.runs("assistant")) == 2
        assert len(client.evaluations("assistant")) == 2
    with Client(served.url, key) as client:
        waits = client.curate("assistant", {"uploads": [{"path": str(tmp_path)}]})
        assert client.pause_work("datasets", waits["id"], "not now")["state"] == "paused"
        assert client.resume_work("datasets", waits["id"])["state"] == "queued"
        assert client.cancel_work("datasets", waits["id"])["state"] == "cancelled"
        begun = client.refresh("assistant", "again")
        with pytest.raises(Refused) as early:
            client.approve(begun["id"])
        assert early.value.status == 409
        assert client.stop_refresh(begun["id"], "enough")["reason"] == "enough"


@pytest.mark.anyio
async def test_the_same_asynchronously(served: Served, key: str, database: Database, assistant: UUID) -> None:
    async with AsyncClient(served.url, key) as client:
        await client.request(
            "PUT", "/v1/deployments/assistant", json={"task": "text-generation", "policy": POLICY}
        )
        with working(database):
            begun = await client.refresh("assistant", "the manual has grown")
            ended = await client.wait("refreshes", begun["id"])
        assert (ended["state"], ended["version"]) == ("released", "assistant@2")
        (listed,) = await client.refreshes("assistant")
        assert listed["id"] == begun["id"]
        assert (await client.evaluation(ended["evaluation"]))["decision"] == "accept"
        (dataset,) = await client.datasets("assistant")
        assert (await client.dataset(dataset["id"]))["line"] == ended["line"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
