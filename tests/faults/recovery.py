"""How long until a job is answered whose worker was killed, or whose message was lost.

python -m tests.faults.recovery --home HOME [--rounds 20]
"""

import argparse
import statistics
import time
from pathlib import Path

from mainspring.access import identify
from mainspring.client import Client
from mainspring.serving.accept import accept
from mainspring.serving.receipt import Submission
from tests.faults.stack import Stack

PROMPT = "The for statement is used to iterate over the elements of a sequence"
LONG = {"max_tokens": 400, "temperature": 0.8}


def killed_worker(stack: Stack, client: Client, at_once: int = 8) -> list[float]:
    """Kill the infer worker while it runs jobs; seconds from the kill to each one's answer."""
    jobs = [client.submit("assistant", f"{PROMPT} {number}", **LONG)["id"] for number in range(at_once)]
    until_running(client, jobs[0])
    stack.kill("infer")
    begin = time.monotonic()
    seconds = []
    for job_id in jobs:
        job = client.result(job_id)
        assert job["state"] == "succeeded", job
        if job["attempt"] > 1:
            seconds.append(time.monotonic() - begin)
    return seconds


def lost_message(stack: Stack, client: Client, deployment: str = "assistant") -> float:
    """Accept a job and send no nudge, as if Redis had lost it; seconds to its answer."""
    database = stack.database()
    key = (stack.settings.home / "key").read_text().strip()
    with database.begin() as connection:
        caller = identify(connection, f"Bearer {key}")
        job_id = accept(connection, caller, Submission(deployment, PROMPT, {"max_tokens": 8})).job_id
    database.close()
    begin = time.monotonic()
    assert client.result(str(job_id))["state"] == "succeeded"
    return time.monotonic() - begin


def until_running(client: Client, job_id: str) -> None:
    for event in client.stream(job_id):
        if event["event"] == "token":
            return


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    killed: list[float] = []
    lost: list[float] = []
    with Stack(arguments.home, starter=True) as stack, stack.client() as client:
        from rich.console import Console

        from mainspring.local import first_requests

        first_requests.run(stack.settings, Console())
        for _ in range(arguments.rounds):
            killed += killed_worker(stack, client)
            lost.append(lost_message(stack, client))
    for name, values in (("worker killed", killed), ("message lost", lost)):
        ordered = sorted(values)
        p99 = ordered[max(0, -(-99 * len(ordered) // 100) - 1)]
        print(
            f"{name:>14}: {len(values)} jobs, median {statistics.median(values):.1f} s, p99 {p99:.1f} s, "
            f"longest {ordered[-1]:.1f} s"
        )


if __name__ == "__main__":
    main()
