"""The life of a job without a model: how many are accepted, and lived through, in a second; and at a million rows.

Accepted one by one (8 connections), in bulk (NDJSON of 5,000 lines), and lived through by one infer worker with an
engine that answers at once. Then the cost of accept, position, claim and list beside a thousand and a million rows.
Targets on two cores: 400/s, 4,000/s, 300/s; at a million rows at most 1.5 times the cost.

    python -m benchmarks.job_life [--rows 1000000]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from benchmarks.machine import describe
from mainspring.access import Caller, identify
from mainspring.identifiers import uuid7
from mainspring.lifecycle import advance
from mainspring.serving import lease
from mainspring.serving.accept import accept
from mainspring.serving.claim import claim
from mainspring.serving.receipt import Submission
from mainspring.tables import Database, Deployment, Stage, Task, Version
from tests.faults.stack import Stack

WORKER = [
    "-P",
    "threads",
    "-c",
    "64",
    "-Q",
    "infer",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
]
LINE = json.dumps({"deployment": "noop", "input": "Nothing is to be done."}).encode()


def make_deployment(database: Database) -> UUID:
    with database.transaction() as session:
        session.add(
            Deployment(name="noop", task=Task.TEXT_CLASSIFICATION.value, policy={"queue_bound": 5_000_000})
        )
        session.flush()
        version = Version(
            id=uuid7(),
            deployment="noop",
            number=1,
            digest="0",
            path="none",
            architecture="Noop",
            parameters=0,
        )
        session.add(version)
        session.flush()
        advance(session, version, Stage.PRODUCTION, actor="benchmark", reason="the only one")
        return version.id


def one_by_one(stack: Stack, key: str, jobs: int, connections: int = 8) -> float:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def produce(share: int) -> None:
        connection = HTTPConnection("127.0.0.1", stack.settings.port)
        for _ in range(share):
            connection.request("POST", "/v1/jobs", LINE, headers)
            assert connection.getresponse().read().startswith(b'{"id"')

    begin = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(produce, [jobs // connections] * connections))
    return jobs / (time.perf_counter() - begin)


def in_bulk(stack: Stack, key: str, jobs: int) -> float:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    begin = time.perf_counter()
    for _ in range(jobs // 5000):
        connection = HTTPConnection("127.0.0.1", stack.settings.port)
        connection.request("POST", "/v1/jobs/bulk", (LINE + b"\n") * 5000, headers)
        answer = connection.getresponse().read()
        assert answer.count(b'"queued"') == 5000, answer[:300]
    return jobs / (time.perf_counter() - begin)


@contextmanager
def noop_worker(stack: Stack) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.noop_worker", "worker", *WORKER]
    with tempfile.TemporaryFile() as log:
        worker = subprocess.Popen(command, env=stack.environment(), stdout=log, stderr=log)
        try:
            yield
        finally:
            worker.terminate()
            worker.wait()


def unfinished(database: Database) -> int:
    with database.begin() as connection:
        return int(connection.scalar(text("select count(*) from jobs where finished_at is null")) or 0)


def lived(database: Database, stack: Stack) -> float:
    """Jobs a second from the first answer until the queue is empty."""
    with noop_worker(stack):
        before = unfinished(database)
        while (left := unfinished(database)) == before:
            time.sleep(0.05)
        begin = time.perf_counter()
        while unfinished(database):
            time.sleep(0.05)
        return left / (time.perf_counter() - begin)


def grow(database: Database, version: UUID, caller: Caller, rows: int) -> None:
    """Ended jobs, as an old installation has them."""
    with database.begin() as connection:
        connection.execute(
            text(
                "insert into jobs (id, tenant_id, deployment, version_id, state, input, parameters, seed,"
                " request_digest, output, finished_at) select gen_random_uuid(), :tenant, 'noop', :version,"
                " 'succeeded', '\"x\"', '{}', 1, '\\x00', '{}', now() from generate_series(1, :rows)"
            ),
            {"tenant": caller.tenant_id, "version": version, "rows": rows},
        )
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze jobs"))


def costs(
    database: Database, version: UUID, caller: Caller, list_page: Callable[[], None]
) -> dict[str, float]:
    """Milliseconds, medians of 200."""
    with database.transaction() as session:
        worker = lease.begin(session, "infer", 3600)
    asked = Submission("noop", "x")
    with database.each() as connection:  # so that there is a position to tell
        for _ in range(50):
            accept(connection, caller, asked)

    def timed(what: Callable[[], object]) -> float:
        times = []
        for _ in range(220):
            begin = time.perf_counter()
            what()
            times.append(time.perf_counter() - begin)
        return statistics.median(times[20:]) * 1000

    def accepted() -> None:
        with database.each() as connection:
            accept(connection, caller, asked)

    def claimed() -> None:
        with database.each() as connection:
            assert claim(connection, version, worker) is not None

    found = {"accept and position": timed(accepted), "claim": timed(claimed), "list a page": timed(list_page)}
    with database.begin() as connection:
        connection.execute(text("delete from jobs where finished_at is null"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    print(f"machine: {describe()}")
    with tempfile.TemporaryDirectory(prefix="mainspring-") as home, Stack(Path(home)) as stack:
        key = (stack.settings.home / "key").read_text().strip()
        database = stack.database()
        version = make_deployment(database)
        with database.begin() as connection:
            caller = identify(connection, f"Bearer {key}")
        one_by_one(stack, key, 400)
        print(f"accepted one by one: {one_by_one(stack, key, 4000):8.0f} jobs/s")
        print(f"accepted in bulk:    {in_bulk(stack, key, 20_000):8.0f} jobs/s")
        print(f"lived through:       {lived(database, stack):8.0f} jobs/s")
        client = stack.client()

        def page() -> None:
            client.request("GET", "/v1/jobs", params={"deployment": "noop", "limit": 50})

        with database.begin() as connection:
            connection.execute(text("truncate jobs cascade"))
        grow(database, version, caller, 1_000)
        few = costs(database, version, caller, page)
        grow(database, version, caller, arguments.rows)
        many = costs(database, version, caller, page)
        for what in few:
            ratio = many[what] / few[what]
            print(
                f"{what:>20}: {few[what]:6.2f} ms at 1,000 rows, {many[what]:6.2f} ms at {arguments.rows:,}: {ratio:.2f} times"
            )
        client.close()
        database.close()


if __name__ == "__main__":
    main()
