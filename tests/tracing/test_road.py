"""The road of a job as one trace: the api, the infer worker as it is started, a webhook."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from redis import Redis

from mainspring import registry
from mainspring.serving import lease
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, Task
from mainspring.tracing import opened
from tests.api.serving import Hands
from tests.contract import seq2seq_models
from tests.tracing.collector import Collector, Got
from tests.workers.receiving import Receiver
from tests.workers.rounds import connections
from workers.app import create_app
from workers.postman import Postman
from workers.sweeping import sweep_once

COMMAND = ["celery", "-A", "workers.infer", "worker", "-P", "threads", "-c", "4", "-Q", "infer"]
TRACE, OTHER, CALLER = "0af7651916cd43dd8448eb211c80319c", "1" * 32, "b7ad6b7169203331"
SECRET = "The watch runs down, and nobody may read it."
ROAD = ("accept", "queue", "answer", "translation", "finish")
# Whatever else is said of a span might be a prompt.
KNOWN = re.compile(
    r"error.type|http\.(\w+\.)?(method|route|status_code|resend_count)|server\.(address|port)|url\.(scheme|path)"
    r"|network.protocol.version|messaging.(system|operation.(name|type)|destination.name|message.id)"
    r"|mainspring.(version|engine|job.(attempt|state|replayed))|gen_ai.(operation|provider).name"
    r"|gen_ai.request.(model|seed|max_tokens)|gen_ai.usage.(input|output)_tokens"
    r"|gen_ai.response.(finish_reasons|time_to_first_chunk)"
)


@contextmanager
def worker(settings: Settings) -> Iterator[None]:
    environment = {**os.environ, **settings.as_environment(), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", *COMMAND], env=environment)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


@pytest.fixture
def translator(settings: Settings, database: Database, tmp_path: Path) -> UUID:
    folder = seq2seq_models.t5(tmp_path / "model")
    found = registry.inspect(folder, Task.TRANSLATION)
    stored = registry.put(settings.store, folder, found.files)
    with database.transaction() as session:
        session.add(Deployment(name="translator", task=Task.TRANSLATION.value))
        session.flush()
        version = registry.register(session, "translator", stored, found, {}, actor="test", reason="first")
        registry.release(session, version, actor="test", reason="first")
        return version.id


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.shutdown()


def inside(inner: Got, outer: Got) -> bool:
    return outer.start <= inner.start <= inner.end <= outer.end and inner.parent == outer.id


def asked(language: str, **more: Any) -> dict[str, Any]:
    parameters = {"max_tokens": 12, "source_language": "en", "target_language": language}
    return {"deployment": "translator", "input": SECRET, "parameters": parameters, **more}


def submit(client: httpx.Client, trace: str, body: dict[str, Any]) -> str:
    headers = {"traceparent": f"00-{trace}-{CALLER}-01", "tracestate": "theirs=x1"}
    return str(client.post("/v1/jobs", json=body, headers=headers).json()["id"])


def ended(client: httpx.Client, job: str) -> dict[str, Any]:
    """A worker that is being started may take its time."""
    seen: dict[str, Any] = {}
    while not seen.get("finished_at"):
        seen = client.get(f"/v1/jobs/{job}", params={"wait": 30}).json()
    return seen


def test_one_trace_from_the_caller_to_the_webhook(  # noqa: PLR0917  fixtures
    traced: Settings,
    client: httpx.Client,
    database: Database,
    redis: Redis,
    translator: UUID,
    collector: Collector,
    receiver: Receiver,
) -> None:
    webhook = {"url": f"{receiver.url}/200"}
    job = submit(client, TRACE, asked("fr", webhook=webhook, metadata={"note": SECRET}))
    road = opened(traced, "ops")
    postman = Postman(traced, database, road)
    dies = Hands(database, redis)
    assert str(dies.take(translator).job_id) == job
    with database.transaction() as session:
        lease.renew(session, dies.incarnation, -1)
    sweep_once(create_app(traced, "ops", []), connections(traced, database, redis, postman, road))
    refused = submit(client, OTHER, asked("tlh"))
    with worker(traced):
        seen, failed = ended(client, job), ended(client, refused)
    assert (seen["state"], failed["state"]) == ("succeeded", "failed")
    postman.round()
    found = collector.wait_for(TRACE, "POST /v1/jobs", *(f"{what} translator" for what in ROAD), "deliver")
    postman.close()
    road.close()
    spans = collector.of(TRACE)
    _one_inside_the_other(spans, found)
    _lost_before(spans, found)
    _what_is_said(found, job, seen)
    ((_, told, _),) = receiver.got
    assert told["traceparent"] == f"00-{TRACE}-{found['deliver'].id}-01"
    assert told["tracestate"] == "theirs=x1"
    _failed(collector.wait_for(OTHER, *(f"{what} translator" for what in ROAD)))
    assert SECRET.encode() not in collector.raw
    assert [name for one in collector.spans for name in one.about if not KNOWN.fullmatch(name)] == []


def _one_inside_the_other(spans: list[Got], found: dict[str, Got]) -> None:
    request, deliver = found["POST /v1/jobs"], found["deliver"]
    accept, queue, answer, engine, finish = (found[f"{what} translator"] for what in ROAD)
    assert request.parent == CALLER
    assert inside(accept, request)
    assert {one.parent for one in (queue, answer, deliver)} == {accept.id}
    assert inside(engine, answer)
    assert inside(finish, answer)
    assert accept.start <= queue.start < queue.end <= answer.start <= engine.end <= finish.start
    assert engine.start <= engine.events["first_token"] <= engine.end
    assert {one.service for one in (request, accept)} == {"mainspring-api"}
    assert {one.service for one in (queue, answer, engine, finish)} == {"mainspring-infer"}
    assert deliver.service == "mainspring-ops"
    assert not any(one.failed for one in found.values())
    assert len(found) == 7


def _lost_before(spans: list[Got], found: dict[str, Got]) -> None:
    """The attempt that died with its worker, as the sweep tells it."""
    queue, answer = [one for one in spans if one not in found.values()]
    again = found["answer translator"]
    assert (queue.name, answer.name) == ("queue translator", again.name)
    assert {one.about["mainspring.job.attempt"] for one in (queue, answer)} == {1}
    assert (answer.service, answer.failed, answer.about["error.type"]) == (
        "mainspring-ops",
        True,
        "worker_died",
    )
    assert answer.parent == again.parent
    assert answer.start < answer.end <= again.start
    assert answer.links == []
    assert again.links == [answer.id]


def _what_is_said(found: dict[str, Got], job: str, seen: dict[str, Any]) -> None:
    accept, _, answer, engine, _ = (found[f"{what} translator"].about for what in ROAD)
    assert accept["messaging.message.id"] == answer["messaging.message.id"] == job
    assert answer["mainspring.job.attempt"] == 2
    assert answer["mainspring.version"] == seen["version"]
    assert engine["gen_ai.request.model"] == "translator"
    assert engine["gen_ai.request.max_tokens"] == 12
    assert engine["gen_ai.usage.input_tokens"] == seen["usage"]["prompt_tokens"]
    assert engine["gen_ai.usage.output_tokens"] == seen["usage"]["completion_tokens"]
    assert engine["gen_ai.response.finish_reasons"] == [seen["output"]["finish_reason"]]
    assert found["POST /v1/jobs"].about["http.response.status_code"] == 202
    assert found["deliver"].about["http.response.status_code"] == 200
    assert found["deliver"].links == [found["answer translator"].id]


def _failed(found: dict[str, Got]) -> None:
    _, _, answer, engine, finish = (found[f"{what} translator"] for what in ROAD)
    assert answer.failed
    assert engine.failed
    assert not finish.failed
    assert answer.about["error.type"] == engine.about["error.type"] == "invalid_request"
    assert answer.about["mainspring.job.state"] == "failed"
