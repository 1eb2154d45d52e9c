"""Idle overhead of the queue: round trip of an `embedder` job with long-poll, minus the engine's own time.

One job at a time on an idle system. Target: median ≤ 15 ms.

    python -m benchmarks.idle_overhead [--jobs 200]
"""

import argparse
import statistics
import time

from benchmarks.machine import describe
from mainspring.local.doors import client


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--deployment", default="embedder")
    arguments = parser.parse_args()
    overheads, trips, engines = [], [], []
    with client() as api:
        for number in range(arguments.jobs + 20):
            begin = time.perf_counter()
            job = api.result(api.submit(arguments.deployment, f"The clock strikes {number}.")["id"])
            trip = time.perf_counter() - begin
            assert job["state"] == "succeeded", job
            if number >= 20:  # the first ones open connections and warm caches
                trips.append(trip)
                engines.append(job["timings"]["engine"])
                overheads.append(trip - job["timings"]["engine"])
    print(f"machine: {describe()}")
    print(f"jobs: {len(trips)}, one at a time")
    for name, values in (("round trip", trips), ("engine", engines), ("overhead", overheads)):
        ordered = sorted(values)
        p95 = ordered[int(0.95 * len(ordered)) - 1]
        print(f"{name:>10}: median {statistics.median(values) * 1000:6.1f} ms, p95 {p95 * 1000:6.1f} ms")


if __name__ == "__main__":
    main()
