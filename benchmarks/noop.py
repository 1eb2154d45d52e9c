"""A stack with a deployment `noop`, whose engine answers at once, and how jobs are handed to it over HTTP."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from mainspring.access import Caller, identify
from mainspring.lifecycle import advance
from mainspring.tables import Database, Deployment, Stage, Task
from tests.faults.stack import Stack
from tests.rows import registered

WORKER = ("-P", "threads", "-c", "64", "-Q", "infer")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")
LINE = json.dumps({"deployment": "noop", "input": "Nothing is to be done."}).encode()


class Noop:
    """The stack, its database, its first key and the one version."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.database = stack, stack.database()
        self.key = (stack.settings.home / "key").read_text().strip()
        self.version = _make_deployment(self.database)
        with self.database.begin() as connection:
            self.caller: Caller = identify(connection, f"Bearer {self.key}")

    def one_by_one(self, share: int) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        connection = HTTPConnection("127.0.0.1", self.stack.settings.port)
        for _ in range(share):
            connection.request("POST", "/v1/jobs", LINE, headers)
            assert connection.getresponse().read().startswith(b'{"id"')

    def in_bulk(self, jobs: int, *, line: bytes = LINE, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/x-ndjson"}
        connection = HTTPConnection("127.0.0.1", self.stack.settings.port)
        connection.request("POST", "/v1/jobs/bulk", (line + b"\n") * jobs, headers)
        answer = connection.getresponse().read()
        assert answer.count(b'"queued"') == jobs, answer[:300]

    @contextmanager
    def worker(self) -> Iterator[None]:
        command = [sys.executable, "-m", "celery", "-A", "benchmarks.noop_worker", "worker", *WORKER, *QUIET]
        with tempfile.TemporaryFile() as log:
            worker = subprocess.Popen(command, env=self.stack.environment(), stdout=log, stderr=log)
            try:
                yield
            finally:
                worker.terminate()
                worker.wait()

    def unfinished(self) -> int:
        with self.database.begin() as connection:
            return int(connection.scalar(text("select count(*) from jobs where finished_at is null")) or 0)

    def empty(self) -> None:
        with self.database.begin() as connection:
            connection.execute(text("truncate jobs cascade"))


@contextmanager
def noop(**environment: str) -> Iterator[Noop]:
    with tempfile.TemporaryDirectory(prefix="mainspring-") as home, Stack(Path(home), **environment) as stack:
        made = Noop(stack)
        _wait_for_calm(made.database)
        yield made
        made.database.close()


def _wait_for_calm(database: Database) -> None:
    """Until the stack's own workers have started: what they import takes a core for seconds."""
    until = time.monotonic() + 60
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.scalar(text("select count(*) from incarnations where role = 'infer'")):
            assert time.monotonic() < until, "the stack's infer worker has not started"
            time.sleep(0.2)
    time.sleep(2)


def _make_deployment(database: Database) -> UUID:
    with database.transaction() as session:
        session.add(
            Deployment(name="noop", task=Task.TEXT_CLASSIFICATION.value, policy={"queue_bound": 5_000_000})
        )
        session.flush()
        version = registered(session, "noop", path="none", architecture="Noop", parameters=0)
        advance(session, version, Stage.PRODUCTION, actor="benchmark", reason="the only one")
        return version.id
