"""What a job that is observed costs the ops worker and PostgreSQL: looked at every two seconds, given to detectors every five.

One process, nothing else running in it: paragraphs of documentation as prompts and answers, as many a round as 22 jobs a
second bring, with the vectors that the frozen encoder made of a fiftieth of a core's sample; its own work is left out, since
the policy says how much that is. Costs are the processor's time, after the reference was made.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.looking [--jobs 4400]
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import orjson
import psutil
from sqlalchemy import text

from benchmarks.drifting.texts import paragraphs
from benchmarks.drifting.vectors import vectors
from benchmarks.machine import describe
from benchmarks.own_database import own_database
from mainspring.identifiers import uuid7
from mainspring.monitor.detect import Memory, detect
from mainspring.observe.encoder import bundled
from mainspring.observe.eyes import Encoded, Eyes
from mainspring.observe.look import look
from mainspring.observe.words import Words
from mainspring.tables import Database
from tests.rows import caller, champion

SUBJECT, BEGINNING = "sympy", 200  # characters by which a text is known again
A_LOOK, LOOK_SECONDS = 44, 2.0  # jobs
DETECTED = (2, 4)  # of five looks, behind which the detectors are given what was looked at
WARM = 1500  # jobs before anything is counted
ENCODING = 0.006  # seconds a text
ENDED = text(
    """
    with ended as (
        insert into jobs (id, tenant_id, deployment, version_id, input, parameters, seed, request_digest, state, output,
            created_at, finished_at)
        values (:id, :tenant, 'assistant', :version, cast(:input as jsonb), '{}', 1, '\\x00', 'succeeded',
            cast(:output as jsonb), now(), now())
        returning id, version_id, finished_at
    )
    insert into observations (job_id, version_id, at, state, finish_reason, prompt_tokens, completion_tokens,
        mean_logprob, queue_seconds, first_token_seconds, total_seconds, measures)
    select id, version_id, finished_at, 'succeeded', 'stop', 60 + 20 * random(), 64, -random(), 0.1, 0.2, 3 + random(),
        jsonb_build_object('entropy', random(), 'prompt_logprob', -random()) from ended
    """
)


class Kept:
    """The encoder's vectors, made before."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._vectors = vectors(SUBJECT, list(texts))
        self._places = {one[:BEGINNING]: place for place, one in enumerate(texts)}

    def encode(self, texts: Sequence[str]) -> Encoded | None:
        rows = self._vectors[[self._places[one[:BEGINNING]] for one in texts]]
        return Encoded(rows, ENCODING * len(texts))

    def close(self) -> None:
        """Nothing to close."""


class Costs:
    """Of this process and of a server's, by part, as the processor's seconds."""

    def __init__(self, server: int) -> None:
        self._server = psutil.Process(server)
        self.taken: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def of(self, part: str, *, counts: bool) -> Iterator[None]:
        mine, servers = time.process_time(), self._servers()
        yield
        if counts:
            self.taken[part] += time.process_time() - mine
            self.taken[f"{part}, PostgreSQL"] += self._servers() - servers

    def _servers(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self._server.children())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=4400)
    jobs = parser.parse_args().jobs
    print(f"machine: {describe()}")
    with own_database() as own:
        tell(measure(own.database, Costs(own.server), jobs), jobs - WARM)


def measure(database: Database, costs: Costs, jobs: int) -> Costs:
    texts, moment, memory = paragraphs(SUBJECT), [0.0], Memory()
    eyes = Eyes(Words(bundled()), Kept(texts), lambda: moment[0])
    with database.transaction() as session:
        version, tenant = champion(session).id, caller(session).tenant_id
    for number in range(jobs // A_LOOK):
        counts = number * A_LOOK >= WARM
        end(database, {"version": version, "tenant": tenant}, texts, number * A_LOOK)
        moment[0] += LOOK_SECONDS
        with costs.of("looking", counts=counts), database.begin() as connection:
            look(connection, eyes)
        if number % 5 in DETECTED:
            with costs.of("detecting", counts=counts):
                give(database, version, memory)
    return costs


def end(database: Database, given: dict[str, UUID], texts: Sequence[str], first: int) -> None:
    """So many jobs with so much to look at."""
    with database.begin() as connection:
        for place in range(first, first + A_LOOK):
            asked, said = texts[place % len(texts)], texts[(place + 1) % len(texts)][:BEGINNING]
            own = {"input": orjson.dumps(asked).decode(), "output": orjson.dumps({"text": said}).decode()}
            connection.execute(ENDED, given | own | {"id": uuid7()})


def give(database: Database, version: UUID, memory: Memory) -> None:
    more = True
    while more:
        with database.transaction() as session:
            more = detect(session, version, memory).more


def tell(costs: Costs, jobs: int) -> None:
    parts = ", ".join(f"{part} {1000 * taken / jobs:.2f}" for part, taken in sorted(costs.taken.items()))
    print(f"milliseconds of a core a job: {parts}; in all {1000 * sum(costs.taken.values()) / jobs:.2f}")


if __name__ == "__main__":
    main()
