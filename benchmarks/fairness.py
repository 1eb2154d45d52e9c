"""Fair turns on a saturated worker: what `low` gets beside `high`, and what a crowd of jobs costs another's single one.

One worker whose engine answers at once, 32 jobs at a time. First 6,000 jobs of `high` and 300 of `low` wait for it:
while both do, `low` should get its seventeenth (weights 16 and 1). Then one tenant has 100,000 jobs waiting and another
tenant sends single ones: none should be preceded by more jobs than run at once.

    python -m benchmarks.fairness [--crowd 100000]
"""

import argparse
import json
import statistics
from collections.abc import Sequence
from http.client import HTTPConnection

from sqlalchemy import Row, text

from benchmarks.machine import describe
from benchmarks.noop import LINE, Noop, noop
from benchmarks.noop_worker import NoopEngine
from benchmarks.pace import lived
from mainspring.access import make_key
from mainspring.terms import JOBS

HIGH, LOW, SINGLES = 6_000, 300, 30
ENDED = """
    select priority, extract(epoch from started_at - created_at) as waited, finished_at,
        row_number() over (order by started_at) as place
    from jobs order by started_at
"""
PRECEDED = """
    select extract(epoch from single.started_at - single.created_at) as waited,
        (select count(*) from jobs crowd where crowd.tenant_id <> single.tenant_id
            and crowd.started_at between single.created_at and single.started_at) as preceded
    from jobs single where single.id = any(cast(:ids as uuid[]))
"""


def priorities(noop: Noop) -> None:
    for priority, jobs in (("high", HIGH), ("low", LOW)):
        noop.in_bulk(jobs, line=json.dumps(json.loads(LINE) | {"priority": priority}).encode())
    with noop.worker():
        pace = lived(noop.unfinished)
    with noop.database.begin() as connection:
        rows = connection.execute(text(ENDED)).all()
    low = [row for row in rows if row.priority == "low"]
    last = low[-1].place
    print(f"{HIGH:,} jobs of `high` and {LOW} of `low` at {pace:.0f} jobs/s")
    print(
        f"  the last of `low` was number {last:,} of {len(rows):,}: {LOW / last:.1%} of the work until then was its"
    )
    for name in ("high", "low"):
        _tell(f"  waited, {name}", [row for row in rows if row.priority == name])


def tenants(noop: Noop, crowd: int) -> None:
    with noop.database.transaction() as session:
        other = make_key(session, "single", name="single", scopes=[JOBS], actor="benchmark")
    with noop.worker():
        alone = _preceded(noop, _singles(noop, other))
    for _ in range(crowd // 5_000):
        noop.in_bulk(5_000)
    with noop.worker():
        beside = _preceded(noop, _singles(noop, other))
        print(f"single jobs of one tenant, {crowd:,} to {noop.unfinished():,} jobs of another waiting")
    _tell("  waited, nobody else there", alone)
    _tell("  waited, beside the crowd", beside)
    counts = sorted(row.preceded for row in beside)
    print(
        f"  jobs of the crowd begun before it: median {statistics.median(counts):.0f}, most {counts[-1]};"
        f" {NoopEngine.capacity} run at once"
    )


def _singles(noop: Noop, key: str) -> list[str]:
    """The ids of jobs sent one after the other, each when the one before has been answered; not the first's, which
    waits for the worker's start."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection, ids = HTTPConnection("127.0.0.1", noop.stack.settings.port), []
    for _ in range(1 + SINGLES):
        connection.request("POST", "/v1/jobs", LINE, headers)
        ids.append(json.loads(connection.getresponse().read())["id"])
        connection.request("GET", f"/v1/jobs/{ids[-1]}?wait=30", headers=headers)
        assert json.loads(connection.getresponse().read())["state"] == "succeeded"
    return ids[1:]


def _preceded(noop: Noop, ids: list[str]) -> Sequence[Row[tuple[float, int]]]:
    with noop.database.begin() as connection:
        return connection.execute(text(PRECEDED), {"ids": ids}).all()


def _tell(what: str, rows: Sequence[Row[tuple[float, ...]]]) -> None:
    waits = sorted(float(row.waited) * 1000 for row in rows)
    p95 = waits[int(0.95 * len(waits)) - 1]
    print(f"{what}: median {statistics.median(waits):,.1f} ms, p95 {p95:,.1f} ms, most {waits[-1]:,.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--crowd", type=int, default=100_000)
    arguments = parser.parse_args()
    print(f"machine: {describe()}")
    with noop() as made:
        priorities(made)
        made.empty()
        tenants(made, arguments.crowd)


if __name__ == "__main__":
    main()
