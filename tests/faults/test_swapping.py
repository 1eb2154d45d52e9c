"""A worker whose memory holds one version at a time: the next one takes its place, and nobody sees an error."""

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mainspring.settings import Settings
from tests.api.serving import until
from tests.faults.marked import marked
from tests.faults.stack import Stack
from workers.gpu.load import memory_needed

NAME = "swapped"
MARKS = {f"{NAME}@1": "A", f"{NAME}@2": "B"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: sockets live in it."""
    made = Path(tempfile.mkdtemp(prefix="ms-swap-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_versions_that_do_not_fit_together_take_turns(folder: Path) -> None:
    models = [marked(folder / mark, mark) for mark in "AB"]
    need = memory_needed(models[0], "text-generation", Settings()).alone
    with Stack(folder / "home", MAINSPRING_WORKER_MEMORY_BYTES=str(int(need * 1.5))) as stack:
        stack.deploy(NAME, models[0], "text-generation")
        answers: list[dict[str, Any]] = []
        over = Event()

        def produce(number: int) -> None:
            with stack.client() as mine:
                while not over.is_set():
                    answers.append(mine.result(mine.submit(NAME, f"{number}", max_tokens=4)["id"], 60))

        with stack.client() as client, ThreadPoolExecutor(5) as pool:

            def talk() -> dict[str, Any]:
                return client.result(client.submit(NAME, "and?", session="talk", max_tokens=4)["id"], 60)

            assert talk()["version"] == f"{NAME}@1"
            producers = [pool.submit(produce, number) for number in range(5)]
            try:
                stack.deploy(NAME, models[1], "text-generation")
                until(lambda: answers[-1]["version"] == f"{NAME}@2", 60)
                told = talk()
                assert (told["version"], told["moved_from"]) == (f"{NAME}@2", f"{NAME}@1")
                client.request("POST", f"/v1/deployments/{NAME}/rollback", json={"reason": "a test"})
                until(lambda: answers[-1]["version"] == f"{NAME}@1", 60)
            finally:
                over.set()
                for producer in producers:
                    producer.result(90)
            assert client.request("GET", "/v1/audit/verify")["whole"]
    assert {answer["state"] for answer in answers} == {"succeeded"}
    assert all(set(answer["output"]["text"]) == {MARKS[answer["version"]]} for answer in answers)
    assert {answer["version"] for answer in answers} == set(MARKS)
