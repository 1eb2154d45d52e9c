"""What an ops worker counts: its tasks, what the sweep found, how webhooks were heard."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SWEPT = ("dead", "requeued", "nudged", "ended", "released")
HEARD = ("delivered", "waiting", "abandoned")  # waiting: it will be tried again


class Chores:
    """Thread-safe."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "mainspring_task_seconds", "Of a task.", ["task"], registry=registry, buckets=SECONDS
        )
        self._failures = Counter(
            "mainspring_task_failures_total", "Tasks that raised.", ["task"], registry=registry
        )
        self._ended = Gauge(
            "mainspring_task_last_success_timestamp_seconds",
            "When it was last carried out here.",
            ["task"],
            registry=registry,
        )
        swept = Counter(
            "mainspring_swept_total", "What the sweep found, by kind.", ["kind"], registry=registry
        )
        webhooks = Counter(
            "mainspring_webhook_tries_total", "Tries, by what came of them.", ["state"], registry=registry
        )
        # From 0, so that the first one is an increase.
        self._swept = {kind: swept.labels(kind) for kind in SWEPT}
        self._webhooks = {state: webhooks.labels(state) for state in HEARD}

    @contextmanager
    def doing(self, task: str) -> Iterator[None]:
        begun = time.monotonic()
        failures, whole = self._failures.labels(task), False
        try:
            yield
            whole = True
        finally:
            if whole:
                self._ended.labels(task).set_to_current_time()
            else:
                failures.inc()
            self._seconds.labels(task).observe(time.monotonic() - begun)

    def swept(self, **found: int) -> None:
        for kind, many in found.items():
            self._swept[kind].inc(many)

    def tried(self, state: str) -> None:
        self._webhooks[state].inc()
