"""A translation's whole road: accepted by the api, answered by the infer worker as it is started, and observed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from mainspring import registry
from mainspring.client import Client
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, Observation, Task
from tests.api.serving import Served
from tests.contract import seq2seq_models

COMMAND = ["celery", "-A", "workers.infer", "worker", "-P", "threads", "-c", "4", "-Q", "infer"]


@pytest.fixture
def worker(settings: Settings) -> Iterator[None]:
    environment = {**os.environ, **settings.as_environment(), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", *COMMAND], env=environment)
    yield
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)


@pytest.fixture
def translator(settings: Settings, database: Database, tmp_path: Path) -> str:
    """In production, of a folder as `mainspring deploy` leaves it."""
    folder = seq2seq_models.t5(tmp_path / "model")
    found = registry.inspect(folder, Task.TRANSLATION)
    stored = registry.put(settings.store, folder, found.files)
    with database.transaction() as session:
        session.add(Deployment(name="translator", task=Task.TRANSLATION.value))
        session.flush()
        version = registry.register(
            session, "translator", stored, found, {}, actor="test", reason="the first"
        )
        registry.release(session, version, actor="test", reason="the first")
        return version.label


def test_from_the_api_to_the_observation(
    settings: Settings, database: Database, key: str, translator: str, worker: None
) -> None:
    asked = {"max_tokens": 12, "source_language": "en", "target_language": "fr"}
    with Served(settings) as served, Client(served.url, key) as client:
        job = client.submit("translator", "The watch runs down.", **asked)
        told = "".join(
            event["data"]["text"] for event in client.stream(job["id"]) if event["event"] == "token"
        )
        answer = client.result(job["id"])
        several = client.result(client.submit("translator", ["One.", "Two."], num_beams=2, **asked)["id"])
        refused = client.result(client.submit("translator", "One.", target_language="tlh")["id"])
    assert (answer["state"], answer["version"]) == ("succeeded", translator)
    assert told == answer["output"]["text"] != ""
    assert [set(output) for output in several["output"]] == [{"text", "finish_reason"}] * 2
    assert (refused["state"], refused["error"]["field"]) == ("failed", "parameters.target_language")
    with database.transaction() as session:
        seen = session.scalars(select(Observation).where(Observation.job_id == answer["id"])).one()
        assert seen.finish_reason == answer["output"]["finish_reason"]
        assert seen.completion_tokens == answer["usage"]["completion_tokens"] > 0
        assert seen.mean_logprob is not None
        assert seen.measures["entropy"] > 0
