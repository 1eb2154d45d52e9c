"""How many webhooks go out in a second, and what it costs to look for those that are due beside many that are not."""

import statistics
import time

from sqlalchemy import text

from benchmarks.noop import Noop
from benchmarks.receivers import Receiver
from mainspring.serving import due
from mainspring.serving.hands import Hands

DUE = 3_000
FEW, AHEAD = 1_000, 100_000
LOOKS = 200
JOBS = (
    "insert into jobs (id, tenant_id, deployment, version_id, input, parameters, seed, request_digest, webhook, state,"
    " output, finished_at) select gen_random_uuid(), :tenant, 'noop', :version, '\"x\"', '{}', 1, '\\x00', true, :state,"
    " cast(:output as json), case when cast(:output as json) is not null then now() end from generate_series(1, :many)"
)
NOTIFY = "insert into deliveries (id, job_id, url) select gen_random_uuid(), id, :url from jobs"
PACE = "select count(*) / extract(epoch from max(ended_at) - min(ended_at)) from deliveries"
LEFT = "select count(*) from deliveries where state = 'waiting'"


def pace(noop: Noop, receiver: Receiver) -> float:
    """Deliveries a second to one receiver that answers at once, all of them due at once."""
    url = f"{receiver.url}/200"
    before = len(receiver.heard)
    _grow(noop, DUE, "succeeded", url)
    while _left(noop):
        time.sleep(0.05)
    assert len(receiver.heard) - before == DUE
    with noop.database.begin() as connection:
        found = connection.scalar(text(PACE))
    noop.empty()
    return float(found)


def look(noop: Noop, ahead: int) -> float:
    """Milliseconds, the median, to take one delivery while the jobs of so many others are queued, and nobody sends."""
    url = "https://example.org/ended"
    _grow(noop, ahead, "queued", url)
    with noop.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze jobs, deliveries"))
    hands, times = Hands(1), []
    for _ in range(LOOKS):
        _release_one(noop)
        begin = time.perf_counter()
        with noop.database.begin() as connection:
            taken = due.due(connection, hands)
        times.append(time.perf_counter() - begin)
        assert len(taken) == 1
    noop.empty()
    return statistics.median(times) * 1000


def _grow(noop: Noop, many: int, state: str, url: str) -> None:
    output = "{}" if state == "succeeded" else None
    made = {"tenant": noop.caller.tenant_id, "version": noop.version, "many": many}
    with noop.database.begin() as connection:
        connection.execute(text(JOBS), {**made, "state": state, "output": output})
        connection.execute(text(NOTIFY), {"url": url})


def _release_one(noop: Noop) -> None:
    with noop.database.begin() as connection:
        connection.execute(
            text(
                "update jobs set state = 'cancelled', finished_at = now() - interval '1 second'"
                " where id = (select id from jobs where state = 'queued' limit 1)"
            )
        )


def _left(noop: Noop) -> int:
    with noop.database.begin() as connection:
        return int(connection.scalar(text(LEFT)) or 0)
