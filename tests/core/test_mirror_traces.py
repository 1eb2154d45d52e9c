"""Which jobs become traces, how their time is told, and what is sent of it. tests/mlflow has the real MLflow."""

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, strategies
from sqlalchemy import select

from mainspring.errors import MirrorRefused
from mainspring.identifiers import uuid7
from mainspring.kept.keys import Keys, new_key
from mainspring.mirror import otlp
from mainspring.mirror.desk import Desk
from mainspring.mirror.mlflow import Mlflow
from mainspring.mirror.progress import Progress
from mainspring.mirror.showing import show
from mainspring.mirror.things import INSTALLATION, Span, Trace
from mainspring.mirror.traces import Traced, following, parts, traced
from mainspring.observe.sampling import drawn
from mainspring.tables import Database, Deployment, KeptText, Mirrored, Observation
from tests.living import NOON, SECRET, Life, day

seconds = strategies.none() | strategies.floats(0, 100)
KEY = new_key()


@given(seconds, seconds, strategies.floats(0, 100))
def test_a_jobs_time_has_no_gap(queue: float | None, first: float | None, total: float) -> None:
    """Whatever was rounded, and whatever is not known."""
    ended = NOON + timedelta(seconds=total)
    seen = Observation(at=ended, queue_seconds=queue, first_token_seconds=first, total_seconds=total)
    found = parts(seen, NOON)
    assert (found[0].name, found[0].began_at, found[-1].ended_at) == ("queue", NOON, ended)
    assert [one.began_at for one in found[1:]] == [one.ended_at for one in found[:-1]]
    assert all(one.began_at <= one.ended_at for one in found)


class Shown(Life):
    """`assistant@1` has answered so many; all of it is kept."""

    def __init__(self, database: Database, jobs: int) -> None:
        super().__init__(database)
        for place in range(jobs):
            self.answered(1, day(1) + timedelta(seconds=place), 4.0, seq=place + 1)
        with database.transaction() as session:
            self.jobs = list(session.scalars(select(Observation.job_id).order_by(Observation.seq)))
            for job in self.jobs:
                locked = Keys([KEY]).lock(job, {"input": SECRET, "output": None})
                leaves = NOON + timedelta(days=3650)
                kept = KeptText(
                    job_id=job, deployment="assistant", at=NOON, leaves_at=leaves, **locked._asdict()
                )
                session.add(kept)

    def declared(self, share: float, *, text: bool = False) -> Traced:
        with self.database.transaction() as session:
            policy = {
                "texts": {"share": 1.0, "days": 3650.0},
                "traces": {"share": share, "text": text},
            }
            session.get_one(Deployment, "assistant").policy = policy
        with self.database.transaction() as session:
            return traced(session)[0]

    def found(self, version: Traced, since: int = 0) -> list[Trace]:
        with self.database.transaction() as session:
            return list(following(session, version, Keys([KEY]), since).traces)


def test_a_stable_sample_of_those_that_were_looked_at_since(database: Database) -> None:
    life = Shown(database, 40)
    with database.transaction() as session:
        assert traced(session) == []
    half = life.declared(0.5)
    sample = [str(job) for job in life.jobs if drawn(job, 0.5)]
    assert [one.key for one in life.found(half)] == sample
    assert [one.key for one in life.found(half, 20)] == [
        str(job) for job in life.jobs[20:] if drawn(job, 0.5)
    ]
    with database.transaction() as session:
        assert following(session, half, Keys([KEY]), 40).until is None
        assert following(session, half, Keys([KEY]), 39).until == 40


def test_text_is_shown_only_where_the_policy_says_so(database: Database) -> None:
    life = Shown(database, 3)
    assert SECRET not in json.dumps(otlp.request(life.found(life.declared(1.0))))
    shown = life.found(life.declared(1.0, text=True))
    assert json.dumps(otlp.request(shown)).count(SECRET) == 3
    assert all(one.worded for one in shown)
    bare = [one.without_words() for one in shown]
    assert SECRET not in json.dumps(otlp.request(bare))
    assert not any(one.worded for one in bare)


def test_what_is_sent_again_is_the_same_trace(database: Database) -> None:
    life = Shown(database, 2)
    version = life.declared(1.0)
    sent = otlp.request(life.found(version))
    assert sent == otlp.request(life.found(version))
    [scope] = sent["resourceSpans"][0]["scopeSpans"]
    names = [(span["traceId"], span["spanId"]) for span in scope["spans"]]
    assert len(set(names)) == len(names) == 8
    assert {len(trace) for trace, _ in names} == {32}
    assert {len(span) for _, span in names} == {16}
    assert {UUID(trace) for trace, _ in names} == set(life.jobs)


@given(strategies.lists(strategies.integers(0, 600_000), max_size=50))
def test_a_request_is_no_larger_than_it_should_be(sizes: list[int]) -> None:
    """Unless one trace alone is, and each is in one request, in order."""
    traces = [_of(size) for size in sizes]
    some = list(otlp.batches(traces))
    assert [one for batch in some for one in batch] == traces
    for batch in some:
        assert 0 < len(batch) <= otlp.MOST
        assert len(batch) == 1 or len(json.dumps(otlp.request(batch))) < 1.1 * otlp.MOST_BYTES + 10_000


def _of(size: int) -> Trace:
    root = Span("a", "LLM", NOON, NOON, {"mlflow.spanInputs": "x" * size})
    return Trace(str(uuid7()), "a", (root,), None, {})


class Picky(HTTPServer):
    """An MLflow that takes no trace in which a word is, or none at all."""

    def __init__(self, installation: str, word: str) -> None:
        self.word, self.taken = word.encode(), 0
        tags = [{"key": INSTALLATION, "value": installation}]
        self.said = json.dumps({"experiment": {"experiment_id": "1", "tags": tags}}).encode()
        super().__init__(("127.0.0.1", 0), Picking)
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class Picking(BaseHTTPRequestHandler):
    server: Picky

    def do_GET(self) -> None:
        self._answer(200, self.server.said)

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        taken = self.server.word not in sent
        self.server.taken += taken
        self._answer(200 if taken else 422, b"{}")

    def _answer(self, status: int, said: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """To nobody."""


@pytest.fixture
def picky(request: pytest.FixtureRequest, database: Database) -> Iterator[Picky]:
    server = Picky(Progress(database).installation(), request.param)
    yield server
    server.shutdown()
    server.server_close()


def shown(life: Shown, server: Picky, version: Traced) -> Any:
    with Mlflow(f"http://127.0.0.1:{server.server_port}") as mlflow:
        desk = Desk(life.database, mlflow, "", 10)
        show(desk, version, Keys([KEY]))
        return desk.round


@pytest.mark.parametrize("picky", [SECRET], indirect=True, ids=["words"])
def test_a_text_that_is_not_taken_is_left_out(database: Database, picky: Picky) -> None:
    life = Shown(database, 3)
    assert shown(life, picky, life.declared(1.0, text=True)).whole
    assert picky.taken == 3
    with database.transaction() as session:
        marks = session.scalars(select(Mirrored.key).where(Mirrored.kind == "worded"))
        assert set(marks) == {str(job) for job in life.jobs}


@pytest.mark.parametrize("picky", ["traceId"], indirect=True, ids=["all"])
def test_where_none_are_taken_nothing_is_noted(database: Database, picky: Picky) -> None:
    life = Shown(database, 3)
    with pytest.raises(MirrorRefused, match="422"):
        shown(life, picky, life.declared(1.0))
    with database.transaction() as session:
        assert session.scalars(select(Mirrored).where(Mirrored.kind == "traces")).all() == []
