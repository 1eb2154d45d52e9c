"""The Python clients against the real api: the same verbs, plain and asynchronous."""

from collections.abc import Iterator
from itertools import count
from threading import Event, Thread
from uuid import UUID

import pytest

from mainspring.client import AsyncClient, Client, Refused
from mainspring.serving.claim import claim
from mainspring.tables import Database, Deployment, Task
from tests.api.serving import Hands, Served, produce


@pytest.fixture
def answering(hands: Hands, assistant: UUID, database: Database) -> Iterator[None]:
    """Whatever is queued gets its attempt's number for an answer."""
    stop = Event()

    def work() -> None:
        while not stop.wait(0.005):
            with database.begin() as connection:
                claimed = claim(connection, assistant, hands.incarnation)
            if claimed is not None:
                hands.finish(claimed.fence, {"text": str(claimed.input)})

    worker = Thread(target=work)
    worker.start()
    yield
    stop.set()
    worker.join()


def test_plain(served: Served, key: str, answering: None) -> None:
    with Client(served.url, key) as client:
        job = client.submit("assistant", "one", max_tokens=3, priority="high", metadata={"page": "1"})
        done = client.result(job["id"])
        assert (done["output"]["text"], done["priority"], done["metadata"]) == ("one", "high", {"page": "1"})
        words = [event["data"]["text"] for event in client.stream(job["id"]) if event["event"] == "token"]
        assert "".join(words) == "one"
        assert client.feedback(job["id"], rating=1)["kind"] == "rating"
        many = [str(number) for number in range(30)]
        answers = list(client.map("assistant", many, max_tokens=3))
        assert [one["output"]["text"] for one in answers] == many
        assert len(list(client.jobs(limit=10))) == 31
        told = list(client.submit_all([{"deployment": "nobody", "input": "x"}]))
        assert isinstance(told[0], Refused)
        assert told[0].code == "unknown_deployment"
        with pytest.raises(Refused) as refused:
            list(client.map("assistant", ["x"], max_tokens=-1))
        assert refused.value.field == "parameters.max_tokens"


@pytest.mark.anyio
async def test_asynchronous(served: Served, key: str, answering: None) -> None:
    async with AsyncClient(served.url, key) as client:
        job = await client.submit("assistant", "one", deadline_seconds=60)
        done = await client.result(job["id"])
        assert done["output"]["text"] == "one"
        assert done["deadline_at"] is not None
        events = [event["event"] async for event in client.stream(job["id"])]
        assert events[-1] == "done"
        many = [str(number) for number in range(30)]
        answers = [one async for one in client.map("assistant", many)]
        assert [one["output"]["text"] for one in answers] == many
        assert len([one async for one in client.jobs()]) == 31
        assert (await client.cancel(job["id"]))["state"] == "succeeded"


@pytest.fixture
def narrow(assistant: UUID, database: Database) -> None:
    """Twenty may wait."""
    with database.transaction() as session:
        session.query(Deployment).update({"policy": {"queue_bound": 20}})


@pytest.mark.usefixtures("narrow")
def test_more_inputs_than_the_queue_holds(served: Served, key: str, answering: None) -> None:
    many = [str(number) for number in range(70)]
    with Client(served.url, key) as client:
        answers = list(client.map("assistant", iter(many), progress=True))
        assert [one["output"]["text"] for one in answers] == many


@pytest.mark.anyio
@pytest.mark.usefixtures("narrow")
async def test_more_inputs_than_there_could_be(served: Served, key: str, answering: None) -> None:
    numbers = count()
    async with AsyncClient(served.url, key) as client:
        answers = client.map("assistant", (str(number) for number in numbers))
        assert [(await anext(answers))["output"]["text"] for _ in range(50)] == [str(n) for n in range(50)]
    assert next(numbers) == 1000  # no more than are sent at once


@pytest.mark.usefixtures("narrow")
def test_a_refusal_says_when_to_come_again(served: Served, key: str, database: Database) -> None:
    produce(database, "early", Task.TEXT_GENERATION, ready=False)
    with Client(served.url, key) as client:
        receipts = list(client.submit_all([{"deployment": "assistant", "input": "x"}] * 21))
        assert isinstance(receipts[-1], Refused)
        with pytest.raises(Refused) as full:
            client.submit("assistant", "x")
        with pytest.raises(Refused) as early:
            client.submit("early", "x")
    for refused in (receipts[-1], full.value):
        assert (refused.status, refused.code) == (429, "queue_full")
        assert refused.retry_after is not None
        assert 1 <= refused.retry_after <= 60
    assert (early.value.status, early.value.retry_after) == (503, 5.0)


ASKED = [f"what is number {number}?" for number in range(60)]


@pytest.mark.usefixtures("assistant")
def test_drift(served: Served, key: str) -> None:
    with Client(served.url, key) as client:
        assert client.drift("assistant")["versions"][0]["reference"] is None
        assert client.drift("assistant", texts="to see what is new")["alarms"] == []
        assert (
            client.store_prompts("assistant", "usual", [{"input": "one", "expected": "1"}, *ASKED])["prompts"]
            == 61
        )
        assert [one["name"] for one in client.prompt_sets("assistant")] == ["usual"]
        stored = client.prompts("assistant", "usual")["prompts"]
        assert [(one["input"], one["expected"]) for one in stored[:2]] == [("one", "1"), (ASKED[0], None)]
        asked = client.new_reference("assistant", "as evaluated", version="assistant@1", prompts="usual")
        assert (asked["state"], asked["prompts"]) == ("waiting", "usual")
        with pytest.raises(Refused) as early:
            client.new_reference("assistant", "the manual has grown")
        assert early.value.field == "version"
        assert client.try_prompts("assistant", "usual", ["assistant@1"]) == {"assistant@1": 61}
        wish = client.retrain("assistant", "the manual has grown")
        with pytest.raises(Refused) as again:
            client.retrain("assistant", "still")
        assert again.value.status == 409
        assert client.drift("assistant")["retraining"] == wish


@pytest.mark.anyio
@pytest.mark.usefixtures("assistant")
async def test_drift_asynchronously(served: Served, key: str) -> None:
    async with AsyncClient(served.url, key) as client:
        asked = await client.new_reference("assistant", "as evaluated", prompts=iter(ASKED))
        assert (asked["state"], asked["wanted"]) == ("waiting", 60)
        (found,) = await client.prompt_sets("assistant")
        assert found["name"] == asked["prompts"]
        assert len((await client.prompts("assistant", found["name"]))["prompts"]) == 60
        assert (await client.store_prompts("assistant", "same", ASKED))["digest"] == found["digest"]
        with pytest.raises(Refused) as unknown:
            await client.try_prompts("assistant", "same", ["assistant@7"])
        assert unknown.value.status == 404
        wish = await client.retrain("assistant", "the manual has grown")
        told = await client.drift("assistant", texts="to see what is new")
        assert told["retraining"] == wish
        assert told["versions"][0]["making"]["prompts"] == asked["prompts"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
