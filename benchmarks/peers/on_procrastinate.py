"""Procrastinate (jobs in PostgreSQL): `python -m benchmarks.peers.on_procrastinate DSN`, in its own environment.

As its documentation has it: a synchronous connector with a pool for the producers' threads, `batch_defer` for many, an
asynchronous worker of concurrency 64 for tasks that are coroutines, woken by LISTEN/NOTIFY.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import procrastinate  # in its own environment
import psycopg

from benchmarks.pace import PRODUCERS, lived, median, produced

CONCURRENCY = 64


def application(connector: Any) -> Any:
    app = procrastinate.App(connector=connector)

    @app.task(name="nothing", queue="nothing")
    async def nothing(text: str) -> None:
        pass

    return app


def work(dsn: str) -> None:
    connector = procrastinate.PsycopgConnector(conninfo=dsn, min_size=4, max_size=24)
    application(connector).run_worker(concurrency=CONCURRENCY)


@contextmanager
def worker(dsn: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", __spec__.name, dsn, "work"], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main(dsn: str) -> None:
    connector = procrastinate.SyncPsycopgConnector(conninfo=dsn, min_size=PRODUCERS, max_size=PRODUCERS)
    app = application(connector)
    with app.open(), psycopg.connect(dsn, autocommit=True) as connection:
        app.schema_manager.apply_schema()
        nothing = app.tasks["nothing"]

        def one_by_one(share: int) -> None:
            for _ in range(share):
                nothing.defer(text="Nothing is to be done.")

        def in_bulk() -> float:
            def thousands(share: int) -> None:
                for _ in range(share // 1000):
                    nothing.batch_defer(*[{"text": "Nothing is to be done."}] * 1000)

            return produced(16_000, thousands)

        def unfinished() -> int:
            found = connection.execute(
                "select count(*) from procrastinate_jobs where status in ('todo', 'doing')"
            )
            return int(found.fetchone()[0])

        def life() -> float:
            connection.execute("truncate procrastinate_jobs cascade")
            produced(3_000, one_by_one)
            with worker(dsn):
                return lived(unfinished)

        produced(400, one_by_one)
        figures = {
            "one by one": median(lambda: produced(3_000, one_by_one)),
            "in bulk": median(in_bulk),
            "lived through": median(life),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    work(sys.argv[1]) if "work" in sys.argv else main(sys.argv[1])
