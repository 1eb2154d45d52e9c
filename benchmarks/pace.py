"""How long until an answer begins, asked of a million observations in weeks, and of the same in one table.

Every accepted job asks it once. Two versions share thirteen weeks, four to one; a third has answered in the first of them
alone, and a fourth never.

    python -m benchmarks.pace [--rows 1000000] [--asked 2000]
"""

import argparse
import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psutil
from sqlalchemy import Connection, text

from benchmarks.machine import describe
from benchmarks.own_database import own_database
from mainspring.serving import lease
from mainspring.serving.throughput import wait
from mainspring.tables import Database, HeldVersion
from mainspring.tables.partitions import ensure
from tests.rows import champion, registered

WEEKS = 13
TABLES = {"weeks": "public", "one table": "alone, public"}  # by search path
OBSERVED = text(
    """
    insert into observations (job_id, version_id, at, state, queue_seconds, first_token_seconds, total_seconds, seq)
    select gen_random_uuid(), case when random() < 0.8 then cast(:often as uuid) else :seldom end,
        cast(:now as timestamptz) - (:rows - n) * interval '13 weeks' / :rows, 'succeeded', random(), 1 + random(),
        2 + random(), nextval('observations_seq')
    from generate_series(1, cast(:rows as int)) n
    """
)
LONG_AGO = text(
    """
    insert into observations (job_id, version_id, at, state, queue_seconds, first_token_seconds, total_seconds, seq)
    select gen_random_uuid(), :version, cast(:now as timestamptz) - interval '12 weeks' + n * interval '1 minute',
        'succeeded', random(), 1 + random(), 2 + random(), nextval('observations_seq')
    from generate_series(1, 300) n
    """
)


def prepare(database: Database, rows: int) -> dict[str, UUID]:
    """The versions, by how they have answered."""
    now = datetime.now(UTC)
    with database.transaction() as session:
        versions = {"four of five": champion(session).id}
        for number, name in enumerate(("one of five", "long ago", "never"), 2):
            versions[name] = registered(session, "assistant", number).id
        worker = lease.begin(session, "infer", 3600)
        for version in versions.values():
            held = {"incarnation": worker, "version_id": version, "state": "ready", "engine": {"capacity": 8}}
            session.add(HeldVersion(**held))
    with database.begin() as connection:
        ensure(connection, "observations", now - timedelta(weeks=WEEKS), weeks=WEEKS + 5)
        given = {
            "often": versions["four of five"],
            "seldom": versions["one of five"],
            "now": now,
            "rows": rows,
        }
        connection.execute(OBSERVED, given)
        connection.execute(LONG_AGO, {"version": versions["long ago"], "now": now})
        connection.execute(text("create schema alone"))
        connection.execute(text("create table alone.observations (like observations including all)"))
        connection.execute(text("insert into alone.observations select * from public.observations"))
    with database.each() as connection:
        connection.exec_driver_sql("vacuum analyze")
    return versions


def ask(connection: Connection, version: UUID, times: int) -> list[float]:
    """Milliseconds of each."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        wait(connection, version, 0)
        found.append((time.perf_counter() - began) * 1000)
    return found


def measure(database: Database, versions: Mapping[str, UUID], asked: int) -> None:
    """In turn, so that what else the machine does is felt by both; and the time that PostgreSQL's processor worked."""
    for name, version in versions.items():
        times: dict[str, list[float]] = {kind: [] for kind in TABLES}
        worked = dict.fromkeys(TABLES, 0.0)
        for _ in range(10):
            for kind, path in TABLES.items():
                with database.each() as connection:
                    connection.exec_driver_sql(f"set search_path = {path}")
                    ask(connection, version, 10)
                    backend = psutil.Process(connection.scalar(text("select pg_backend_pid()")))
                    before = sum(backend.cpu_times()[:2])
                    times[kind] += ask(connection, version, asked // 10)
                    worked[kind] += sum(backend.cpu_times()[:2]) - before
                    connection.exec_driver_sql("reset search_path")
        told = ", ".join(
            f"{kind} {statistics.median(of):.2f} ms, of the processor {worked[kind] / len(of) * 1000:.2f} ms"
            for kind, of in times.items()
        )
        print(f"a version that answered {name}: {told}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--asked", type=int, default=2000)
    arguments = parser.parse_args()
    print(f"machine: {describe()}")
    with own_database() as own:
        measure(own.database, prepare(own.database, arguments.rows), arguments.asked)


if __name__ == "__main__":
    main()
