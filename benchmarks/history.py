"""Ninety days of a million observations: counting them, watching a day, reading them, and letting the old ones go.

Generated: two versions, one in production; vectors of the real size; a twentieth of the jobs with something said of it.
Targets on two cores: rollup and detection of a day under 30 s, what dashboards ask under 200 ms, and while weeks are
dropped no job takes longer than one takes otherwise.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.history [--rows 1000000] [--days 90]
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from uuid import UUID

import httpx
import numpy as np
from sqlalchemy import text

from benchmarks.machine import describe
from benchmarks.own_api import own_api
from benchmarks.own_database import own_database
from mainspring.access import make_key
from mainspring.figures.rollup import roll_up
from mainspring.logs import configure
from mainspring.monitor import reference
from mainspring.monitor.detect import Memory, begin_watch, detect
from mainspring.monitor.plan import DriftPlan
from mainspring.observe.vectors import packed
from mainspring.serving import answer, lease
from mainspring.serving.claim import claim
from mainspring.serving.engine import EngineAnswer
from mainspring.settings import Settings
from mainspring.tables import Database, Version
from mainspring.tables.partitions import drop_before, ensure
from mainspring.terms import ADMIN, JOBS
from tests.rows import champion, registered, submit

TABLE, DIMENSIONS, POOL = "observations", 384, 500
KEEP_DAYS, LOOKS, SECONDS, PRODUCERS = 30, 200, 5.0, 4
# In the order of their time; four of five are of the version in production.
OBSERVED = text(
    """
    insert into observations (job_id, version_id, at, state, finish_reason, prompt_tokens, completion_tokens,
        mean_logprob, queue_seconds, first_token_seconds, total_seconds, seq, tenant_id, language, begins, again,
        words_prompt, words_answer)
    select gen_random_uuid(), case when random() < 0.8 then cast(:first as uuid) else :second end,
        cast(:day as timestamptz) + number * interval '1 day' / cast(:rows as int),
        case when random() < 0.98 then 'succeeded' else 'failed' end, 'stop', 200 * random(), 100 * random(),
        -2 * random(), waits, waits + 0.2, waits + 0.2 + 3 * random(), nextval('observations_seq'), :tenant,
        (array['en', 'de', 'fr'])[1 + floor(3 * random())], random() < 0.3, random() < 0.05,
        (select vector from pool where id = number % :pool), (select vector from pool where id = (7 * number) % :pool)
    from (select number, 0.01 / (1.001 - random()) as waits from generate_series(1, cast(:rows as int)) as number
        order by number) drawn
    """
)
ASKED = text(
    """
    insert into jobs (id, tenant_id, deployment, version_id, input, parameters, seed, request_digest, state, output,
        created_at, finished_at)
    select job_id, :tenant, 'assistant', version_id, '"x"', '{}', 1, '\\x00', 'succeeded', '{"label": "cat"}', at, at
    from observations where at >= :day and at < cast(:day as timestamptz) + interval '1 day' and state = 'succeeded'
        and random() < 0.05
    """
)
SAID = text(
    """
    insert into feedback (id, job_id, kind, name, value, version_id, at, seq, loss)
    select gen_random_uuid(), jobs.id, kind, name, value, version_id, finished_at, nextval('observations_seq'), 0 from jobs cross join (values
        ('rating', null, '1'::jsonb), ('label', null, '"cat"'), ('outcome', 'resolved', '1')) of (kind, name, value)
    where finished_at >= :day and finished_at < cast(:day as timestamptz) + interval '1 day'
    """
)


class History:
    """`today`: the midnight after the last of the days that are generated."""

    def __init__(self, database: Database, rows_a_day: int, days: int) -> None:
        self.database, self.rows, self.days = database, rows_a_day, days
        self.today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        with database.transaction() as session:
            first = champion(session)
            self.first, second = first.id, registered(session, "assistant", 2).id
            self.key = make_key(session, "default", name="benchmark", scopes=[JOBS, ADMIN], actor="benchmark")
            tenant = session.execute(text("select id from tenants limit 1")).scalar_one()
        self._values = {
            "first": self.first,
            "second": second,
            "tenant": tenant,
            "rows": rows_a_day,
            "pool": POOL,
        }
        with database.begin() as connection:
            ensure(connection, TABLE, self.today - timedelta(days=days), weeks=days // 7 + 6)
            connection.execute(text("create table pool (id int primary key, vector bytea)"))
            vectors = packed(np.random.default_rng(1).normal(size=(POOL, DIMENSIONS)).astype(np.float32))
            rows = [{"id": place, "vector": one} for place, one in enumerate(vectors)]
            connection.execute(text("insert into pool values (:id, :vector)"), rows)

    def day(self, ago: int) -> None:
        given = {"day": self.today - timedelta(days=ago)}
        with self.database.begin() as connection:
            for statement in (OBSERVED, ASKED, SAID):
                needs = {name: one for name, one in self._values.items() if f":{name}" in statement.text}
                connection.execute(statement, given | needs)

    def roll_up(self) -> tuple[int, float]:
        """How many passes, and the longest, in seconds."""
        longest, passes, more = 0.0, 0, True
        while more:
            began = time.perf_counter()
            with self.database.begin() as connection:
                more = roll_up(connection).more
            longest, passes = max(longest, time.perf_counter() - began), passes + 1
        return passes, longest

    def watch(self) -> None:
        """From now on; what was asked lately is normal."""
        with self.database.transaction() as session:
            version = session.get_one(Version, self.first)
            made = reference.replace(
                session, version, DriftPlan().reference, actor="benchmark", reason="the latest"
            )
            begin_watch(session, version, made)

    def detect(self) -> int:
        requests, more, memory = 0, True, Memory()
        while more:
            with self.database.transaction() as session:
                found = detect(session, self.first, memory)
            requests, more = requests + found.requests, found.more
        return requests


def timed(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def count(history: History) -> None:
    """All but the last day as after a long outage, then that day as every day."""
    for ago in range(history.days, 1, -1):
        history.day(ago)
    with history.database.each() as connection:
        connection.exec_driver_sql("vacuum analyze")
    began = time.perf_counter()
    passes, longest = history.roll_up()
    rows = history.rows * (history.days - 1)
    print(
        f"rollup of {rows:,} at once: {time.perf_counter() - began:.1f} s, {passes} passes, longest {longest:.2f} s"
    )
    history.watch()
    history.day(1)
    print(f"a day of {history.rows:,}: rollup {timed(history.roll_up):.2f} s, ", end="")
    began, worked = time.perf_counter(), time.process_time()
    requests = history.detect()
    seconds, busy = time.perf_counter() - began, time.process_time() - worked
    print(f"detection of {requests:,} requests {seconds:.2f} s, {busy:.2f} s of them at work")
    print(
        f"a round in which nothing has changed: {statistics.median(timed(history.roll_up) for _ in range(9)) * 1000:.0f} ms"
    )


def look(history: History, settings: Settings) -> None:
    """Milliseconds over HTTP, JSON included."""
    with own_api(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {history.key}"
        for what in (*(f"metrics?hours={hours}" for hours in (1, 24, 72, 24 * history.days)), "drift"):
            times, size = [], 0
            for _ in range(LOOKS):
                began = time.perf_counter()
                answer = client.get(f"/v1/deployments/assistant/{what}").raise_for_status()
                times.append((time.perf_counter() - began) * 1000)
                size = len(answer.content)
            print(
                f"GET …/{what}: median {statistics.median(times):.0f} ms, longest {max(times):.0f} ms, {size:,} bytes"
            )


def leave(history: History) -> None:
    """Jobs live and end while weeks are dropped, and while none is."""
    with living(history) as lived:
        time.sleep(SECONDS)
        before = len(lived)
        began = time.perf_counter()
        with history.database.each() as connection:
            gone = drop_before(connection, TABLE, history.today - timedelta(days=KEEP_DAYS))
        took = time.perf_counter() - began
        during = len(lived)
    print(f"{len(gone)} weeks dropped in {took:.2f} s")
    for what, times in (("while none is dropped", lived[:before]), ("while they are", lived[before:during])):
        ordered = sorted(times)
        print(
            f"a job's accept, claim and end {what}: {len(times):,} of them, median {statistics.median(times) * 1000:.1f} ms,"
            f" p99 {ordered[int(0.99 * len(times))] * 1000:.1f} ms, longest {ordered[-1] * 1000:.1f} ms"
        )


@contextmanager
def living(history: History) -> Iterator[list[float]]:
    """Seconds of each job, in the order of their ends."""
    lived: list[float] = []
    stop = Event()
    with history.database.transaction() as session:
        worker = lease.begin(session, "infer", 3600)
    producers = [
        Thread(target=live, args=(history.database, history.first, worker, lived, stop))
        for _ in range(PRODUCERS)
    ]
    for one in producers:
        one.start()
    yield lived
    stop.set()
    for one in producers:
        one.join()


def live(database: Database, version: UUID, worker: UUID, lived: list[float], stop: Event) -> None:
    done = EngineAnswer({"text": "yes", "finish_reason": "stop"}, {"completion_tokens": 1})
    while not stop.is_set():
        began = time.perf_counter()
        with database.transaction() as session:
            submit(session)
        with database.each() as connection:
            job = claim(connection, version, worker)
            if job is not None:
                answer.succeed(connection, job.fence, done)
        lived.append(time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=90)
    arguments = parser.parse_args()
    configure("WARNING", as_json=False)
    print(f"machine: {describe()}")
    with own_database() as own:
        history = History(own.database, arguments.rows // arguments.days, arguments.days)
        count(history)
        look(history, own.settings)
        leave(history)


if __name__ == "__main__":
    main()
