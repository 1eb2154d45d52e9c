"""Everything dies while producers work; then the rows and what the producers saw are held against each other.

    python -m tests.faults.storm --home HOME [--jobs 2000] [--producers 32]

HOME is that of a stack whose starter deployments are made (or an empty one: they are made first).
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

from redis import Redis
from sqlalchemy import func, select

from mainspring.tables import Job, JobState, Observation
from tests.faults.producers import Producers, Seen
from tests.faults.stack import Stack


def plan(stack: Stack) -> list[tuple[float, str, Callable[[], Any]]]:
    """At which share of ended jobs what breaks."""
    return [
        (0.08, "infer killed", lambda: stack.kill("infer")),
        (0.20, "Valkey wiped", lambda: Redis.from_url(stack.redis_url).flushall()),
        (0.32, "infer killed", lambda: stack.kill("infer")),
        (0.44, "Valkey killed and restarted", lambda: stack.kill("valkey")),
        (0.56, "PostgreSQL restarted", lambda: restart_postgres(stack)),
        (0.68, "api killed and restarted", lambda: stack.kill("api")),
        (0.80, "infer killed", lambda: stack.kill("infer")),
    ]


def restart_postgres(stack: Stack) -> None:
    import signal

    stack.kill("postgres", signal.SIGINT)  # fast shutdown: sessions are cut off


def rage(stack: Stack, producers: Producers, say: Callable[[str], None]) -> None:
    begin = time.monotonic()
    for share, what, do in plan(stack):
        while producers.done < share:
            time.sleep(0.02)
        do()
        say(f"{time.monotonic() - begin:7.1f} s  {producers.done:4.0%}  {what}")


def storm(stack: Stack, jobs: int, at_once: int, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Run it and return the figures. Raises AssertionError with what does not hold."""
    with stack.client() as client:
        producers = Producers(client, jobs, at_once, seed=int(time.time()))
        trouble = Thread(target=rage, args=(stack, producers, say), daemon=True)
        begin = time.monotonic()
        trouble.start()
        seen = producers.run()
        seconds = time.monotonic() - begin
        trouble.join(timeout=30)
        assert not trouble.is_alive(), "not every fault was played"
    return verify(stack, seen, jobs) | {"seconds": round(seconds, 1)}


def verify(stack: Stack, seen: list[Seen], jobs: int) -> dict[str, Any]:
    """Every accepted job ended once, on a version, and everybody saw the same end."""
    database = stack.database()
    with database.transaction() as session:
        ids = [one.job_id for one in seen]
        rows = {str(job.id): job for job in session.scalars(select(Job).where(Job.id.in_(ids)))}
        observed = session.scalar(
            select(func.count())
            .select_from(Observation)
            .join(Job, Job.id == Observation.job_id)
            .where(Job.id.in_(ids), Job.state == JobState.SUCCEEDED.value)
        )
    database.close()
    assert len(set(ids)) == jobs, "an idempotency key made two jobs, or a job was lost"
    assert set(rows) == set(ids), "an accepted job has no row"
    unended = [job for job in rows.values() if not JobState(job.state).ended]
    assert not unended, f"{len(unended)} jobs have not ended"
    for one in seen:
        first, second = one.ends
        assert first == second, f"{one.job_id} was answered twice"
        assert first["version"].startswith(f"{one.deployment}@"), "an answer without its version"
        assert first["state"] == rows[one.job_id].state
        assert first.get("output") == rows[one.job_id].output
        if one.streamed is not None and first["state"] == "succeeded":
            assert one.streamed == first["output"]["text"], (
                f"{one.job_id}: the stream differs from the output"
            )
    succeeded = [job for job in rows.values() if job.state == JobState.SUCCEEDED]
    assert observed == len(succeeded), "a job was finished other than once"
    return {
        "accepted": len(rows),
        "states": dict(Counter(job.state for job in rows.values())),
        "jobs of sessions, in order": in_order(list(rows.values())),
        "by deployment": dict(Counter(job.deployment for job in rows.values())),
        "attempts": dict(sorted(Counter(job.attempt for job in rows.values()).items())),
        "lost their worker": sum(job.losses > 0 for job in rows.values()),
        "streams": sum(one.streamed is not None for one in seen),
        "streams resumed": sum(one.resumed > 0 for one in seen),
    }


def in_order(jobs: list[Job]) -> int:
    """How many jobs belonged to sessions: of each session none began before all that were accepted earlier had ended."""
    sessions: dict[UUID, list[Job]] = {}
    for job in sorted(jobs, key=lambda job: job.id):
        if job.session_id is not None:
            sessions.setdefault(job.session_id, []).append(job)
    for talk in sessions.values():
        for earlier, later in combinations(talk, 2):
            assert earlier.finished_at is not None
            began = later.started_at
            assert began is None or earlier.finished_at <= began, f"{later.id} overtook {earlier.id}"
    return sum(map(len, sessions.values()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--producers", type=int, default=32)
    arguments = parser.parse_args()
    with Stack(arguments.home, starter=True) as stack:
        from rich.console import Console

        from mainspring.local import first_requests

        first_requests.run(stack.settings, Console())
        figures = storm(stack, arguments.jobs, arguments.producers)
    for name, value in figures.items():
        print(f"{name:>26}: {value}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
