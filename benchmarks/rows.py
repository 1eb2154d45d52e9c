"""What accept, position, claim and list cost beside a thousand rows and beside many. Target: at most 1.5 times as much."""

import statistics
import time
from collections.abc import Callable

from sqlalchemy import text

from benchmarks.noop import Noop
from mainspring.serving import lease
from mainspring.serving.accept import accept
from mainspring.serving.claim import claim
from mainspring.serving.receipt import Submission

FEW = 1_000
GROW = (
    "insert into jobs (id, tenant_id, deployment, version_id, input, parameters, seed,"
    " request_digest, state, output, finished_at) select gen_random_uuid(), :tenant, 'noop', :version,"
    " '\"x\"', '{}', 1, '\\x00', 'succeeded', '{}', now() from generate_series(1, :rows)"
)


def compare(noop: Noop, rows: int) -> None:
    """Prints the costs."""
    noop.empty()
    grow(noop, FEW)
    few = costs(noop)
    grow(noop, rows)
    many = costs(noop)
    for what, cost in few.items():
        times = many[what] / cost
        print(
            f"{what:>20}: {cost:6.2f} ms at {FEW:,}, {many[what]:6.2f} ms at {rows:,} rows: {times:.2f} times"
        )


def grow(noop: Noop, rows: int) -> None:
    """Ended jobs, as an old installation has them."""
    values = {"tenant": noop.caller.tenant_id, "version": noop.version, "rows": rows}
    with noop.database.begin() as connection:
        connection.execute(text(GROW), values)
    with noop.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze jobs"))


def costs(noop: Noop) -> dict[str, float]:
    """Milliseconds, medians of 200."""
    database, caller, asked = noop.database, noop.caller, Submission("noop", "x")
    client = noop.stack.client()
    with database.transaction() as session:
        worker = lease.begin(session, "infer", 3600)
    with database.each() as connection:  # so that there is a position to tell
        for _ in range(50):
            accept(connection, caller, asked)

    def accepted() -> None:
        with database.each() as connection:
            accept(connection, caller, asked)

    def claimed() -> None:
        with database.each() as connection:
            assert claim(connection, noop.version, worker) is not None

    def listed() -> None:
        client.request("GET", "/v1/jobs", params={"deployment": "noop", "limit": 50})

    found = {
        "accept and position": _timed(accepted),
        "claim": _timed(claimed),
        "list a page": _timed(listed),
    }
    with database.begin() as connection:
        connection.execute(text("delete from jobs where finished_at is null"))
    client.close()
    return found


def _timed(what: Callable[[], object]) -> float:
    times = []
    for _ in range(220):
        begin = time.perf_counter()
        what()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[20:]) * 1000
