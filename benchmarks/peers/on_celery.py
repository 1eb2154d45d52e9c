"""Celery with Redis as broker and a database of results: `python -m benchmarks.peers.on_celery DATABASE BROKER`.

Both ways of running tasks are tried and the faster one counts: a process of 64 threads, whose result store opens a
connection a result, and the default, a process a core, which keeps its connections. It has no bulk of its own: a loop
over one connection takes that place. A task is accepted when Redis has it, which is not when it is on disk.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy
from celery import Celery
from redis import Redis

from benchmarks.pace import lived, median, produced

POOLS = {"threads": ("-P", "threads", "-c", "64"), "prefork": ("-P", "prefork")}
LIVES = {"threads": 1_000, "prefork": 3_000}  # jobs
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR")


def application(database: str, broker: str) -> Celery:
    app = Celery("peer", broker=broker, backend=f"db+{database}")

    @app.task(name="nothing")
    def nothing(text: str) -> str:
        return text

    return app


@contextmanager
def worker(database: str, broker: str, pool: str) -> Iterator[None]:
    command = [sys.executable, "-m", __spec__.name, database, broker, pool]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main(database: str, broker: str) -> None:
    app = application(database, broker)
    nothing = app.tasks["nothing"]
    engine = sqlalchemy.create_engine(database, isolation_level="AUTOCOMMIT")
    redis = Redis.from_url(broker.replace("redis+socket", "unix").replace("virtual_host", "db"))
    app.backend.ResultSession().close()  # makes the tables

    def one_by_one(share: int) -> None:
        for _ in range(share):
            nothing.delay("Nothing is to be done.")

    def in_bulk() -> float:
        def over_one_connection(share: int) -> None:
            with app.producer_pool.acquire(block=True) as producer:
                for _ in range(share):
                    nothing.apply_async(("Nothing is to be done.",), producer=producer)

        return produced(8_000, over_one_connection)

    def life(pool: str) -> float:
        jobs = LIVES[pool]
        redis.flushdb()
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("truncate celery_taskmeta"))
            produced(jobs, one_by_one)

            def unfinished() -> int:
                done = connection.scalar(sqlalchemy.text("select count(*) from celery_taskmeta"))
                return jobs - int(done or 0)

            with worker(database, broker, pool):
                return lived(unfinished)

    produced(400, one_by_one)
    accepted, bulk = median(lambda: produced(3_000, one_by_one)), median(in_bulk)
    lives = {pool: median(lambda pool=pool: life(pool)) for pool in POOLS}
    print(
        json.dumps({"one by one": accepted, "in bulk": bulk, "lived through": max(lives.values()), **lives})
    )


if __name__ == "__main__":
    if len(sys.argv) > 3:
        application(sys.argv[1], sys.argv[2]).worker_main(["worker", *POOLS[sys.argv[3]], *QUIET])
    else:
        main(sys.argv[1], sys.argv[2])
