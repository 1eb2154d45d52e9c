"""Idle overhead of the queue: round trip of an `embedder` job with long-poll, minus the engine's own time.

One job at a time on an idle system, asked over plain HTTP (the standard library) and through the Python client, whose
own time is not the queue's. Target for the first: median ≤ 15 ms.

    python -m benchmarks.idle_overhead [--jobs 200]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

from benchmarks.machine import describe
from benchmarks.stack import stack
from mainspring.local.doors import client
from mainspring.settings import Settings

WARM_UP = 30  # the first ones open connections, prepare statements and warm caches
Ask = Callable[[str], dict[str, Any]]


def plainly(settings: Settings, deployment: str) -> Ask:
    connection = HTTPConnection("127.0.0.1", settings.port)
    headers = {
        "Authorization": f"Bearer {(settings.home / 'key').read_text().strip()}",
        "Content-Type": "application/json",
    }

    def call(method: str, path: str, body: str | None = None) -> dict[str, Any]:
        connection.request(method, path, body, headers)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer

    def ask(text: str) -> dict[str, Any]:
        job = call("POST", "/v1/jobs", json.dumps({"deployment": deployment, "input": text}))
        return call("GET", f"/v1/jobs/{job['id']}?wait=30")

    return ask


def by_client(settings: Settings, deployment: str) -> Ask:
    api = client(settings)
    return lambda text: api.result(api.submit(deployment, text)["id"])


def measure(name: str, ask: Ask, jobs: int) -> None:
    trips, engines = [], []
    for number in range(jobs + WARM_UP):
        begin = time.perf_counter()
        job = ask(f"The clock strikes {number}.")
        trip = time.perf_counter() - begin
        assert job["state"] == "succeeded", job
        if number >= WARM_UP:
            trips.append(trip)
            engines.append(job["timings"]["engine"])
    print(f"{name}, {jobs} jobs, one at a time")
    overheads = [trip - engine for trip, engine in zip(trips, engines, strict=True)]
    for what, values in (("round trip", trips), ("engine", engines), ("overhead", overheads)):
        ordered = sorted(values)
        p95 = ordered[int(0.95 * len(ordered)) - 1]
        print(f"{what:>12}: median {statistics.median(values) * 1000:6.1f} ms, p95 {p95 * 1000:6.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--deployment", default="embedder")
    arguments = parser.parse_args()
    print(f"machine: {describe()}")
    with stack() as settings:
        measure("plain HTTP", plainly(settings, arguments.deployment), arguments.jobs)
        measure("mainspring.client", by_client(settings, arguments.deployment), arguments.jobs)


if __name__ == "__main__":
    main()
