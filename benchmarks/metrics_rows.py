"""What one reading of the rows for `/metrics` costs, beside few jobs and beside a backlog of many tenants.

An api reads at most once in three seconds, whoever asks and how often. A server and a database of its own.

    python -m benchmarks.metrics_rows [--queued 100000] [--tenants 100]
"""

import argparse
import time
from statistics import median
from uuid import UUID

from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import text

from benchmarks.machine import describe
from benchmarks.own_database import own_database
from mainspring.metrics import rows
from mainspring.tables import Database, Task
from tests.api.serving import produce

TENANTS = (
    "insert into tenants (id, name) select gen_random_uuid(), 'tenant ' || n from generate_series(1, :many) n"
)
QUEUED = """
    insert into jobs (id, tenant_id, deployment, version_id, input, parameters, seed, request_digest, priority, turn)
    select gen_random_uuid(), one.id, 'assistant', :version, '"x"', '{}', 1, '\\x00',
        (array['high', 'normal', 'low'])[1 + n % 3], n
    from generate_series(1, :each) n, (select id from tenants where name like 'tenant %') one
"""


def reading(database: Database) -> tuple[float, float]:
    """Milliseconds of wall clock for the statements, and for writing their numbers down."""
    asked, written = [], []
    for _ in range(30):
        begun = time.perf_counter()
        with database.begin() as connection:
            families = rows.families(connection)
        told = time.perf_counter()
        registry = CollectorRegistry()
        registry.collect = lambda families=families: families  # type: ignore[method-assign]
        generate_latest(registry)
        asked.append(told - begun)
        written.append(time.perf_counter() - told)
    return median(asked) * 1000, median(written) * 1000


def fill(database: Database, version: UUID, queued: int, tenants: int) -> None:
    with database.begin() as connection:
        connection.execute(text(TENANTS), {"many": tenants})
        connection.execute(text(QUEUED), {"version": version, "each": queued // tenants})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queued", type=int, default=100_000)
    parser.add_argument("--tenants", type=int, default=100)
    given = parser.parse_args()
    print(f"machine: {describe()}")
    with own_database() as own:
        database = own.database
        versions = [produce(database, f"d{number}", Task.TEXT_GENERATION) for number in range(9)]
        versions.append(produce(database, "assistant", Task.TEXT_GENERATION))
        print("ten versions, nothing queued: {:.1f} ms, written in {:.1f}".format(*reading(database)))
        fill(database, versions[-1], given.queued, given.tenants)
        told = "{:.1f} ms, written in {:.1f}".format(*reading(database))
        print(f"{given.queued:,} queued of {given.tenants} tenants in three priorities: {told}")


if __name__ == "__main__":
    main()
