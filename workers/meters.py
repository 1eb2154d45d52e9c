"""What an infer worker counts of its answers, under the names that inference servers have for it.

Of a version that is no longer held the series stay for a few minutes, for the last look, and go then.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import Metric

from mainspring.errors import DeadlinePassed, MainspringError
from mainspring.metrics.families import gauge
from mainspring.metrics.labels import MOST, OTHER, Bounded, Labels
from mainspring.serving.engine import EngineAnswer
from mainspring.tables import JobState
from workers.held import Held

KEPT_SECONDS = 300.0
BY = Labels._fields
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 25.0, 50.0, 100.0, 300.0)
GAPS = (0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.2, 0.4, 0.8, 2.0)
TOKENS = tuple(4.0**power for power in range(9))


class Meters:
    """Thread-safe. `held`: the versions that the process holds, looked at when somebody looks at the meters."""

    def __init__(
        self,
        registry: CollectorRegistry,
        held: Callable[[], Iterable[Held]] = tuple,
        *,
        most: int = MOST,
        kept_seconds: float = KEPT_SECONDS,
    ) -> None:
        self._held, self._kept_seconds = held, kept_seconds
        self._lock, self._bounded = Lock(), Bounded(OTHER, most)
        self._series: dict[Labels, _Series] = {}
        self._gone: dict[Labels, float] = {}  # since when, on the monotonic clock
        self._metrics = _Metrics(registry)
        registry.register(_Looked(self._collect))

    def answered(self, labels: Labels, queued: float, seconds: float, answer: EngineAnswer) -> None:
        """`queued`: from acceptance to the claim; `seconds`: from then until the answer was written down."""
        self._of(labels).answered(queued, seconds, answer)

    def failed(self, labels: Labels, error: MainspringError) -> None:
        state = JobState.EXPIRED if isinstance(error, DeadlinePassed) else JobState.FAILED
        self._metrics.failures.labels(*self._of(labels).labels, state.value, error.code).inc()

    def given_back(self, labels: Labels, *, lost: bool) -> None:
        self._metrics.given_back.labels(*self._of(labels).labels, str(lost).lower()).inc()

    def _of(self, labels: Labels) -> "_Series":
        found = self._series.get(labels)
        if found is not None:
            return found
        with self._lock:
            shown = self._bounded(labels)
            if shown not in self._series:
                self._series[shown] = _Series(shown, self._metrics)
            return self._series[shown]

    def _collect(self) -> Iterator[Metric]:
        held = list(self._held())
        self._forget_gone({one.labels for one in held})
        seen = [(one.labels, one.engine.health(), one.engine.capacity) for one in held]
        yield gauge(
            "mainspring_engine_requests",
            "What the engine has in hand, trials included.",
            BY,
            ((labels, health.pending) for labels, health, _ in seen),
        )
        yield gauge(
            "mainspring_engine_slots",
            "How many requests it runs at once with profit.",
            BY,
            ((labels, capacity) for labels, _, capacity in seen),
        )
        yield gauge(
            "mainspring_kv_cache_usage_perc",
            "How much of the engine's cache of keys and values is taken; 1 is all, as inference servers have it.",
            BY,
            ((labels, health.cache_used) for labels, health, _ in seen if health.cache_used is not None),
        )

    def _forget_gone(self, held: set[Labels]) -> None:
        now = monotonic()
        with self._lock:
            for labels in list(self._series):
                if labels in held or labels == OTHER:
                    self._gone.pop(labels, None)
                elif now - self._gone.setdefault(labels, now) >= self._kept_seconds:
                    self._metrics.forget(labels)
                    self._bounded.forget(labels)
                    del self._series[labels], self._gone[labels]


class _Looked:
    """What a registry asks. It has no names to tell beforehand: they would be asked for while the worker starts."""

    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self.collect = collect

    def describe(self) -> Sequence[Metric]:
        return ()


class _Metrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, says: str, buckets: Sequence[float] = SECONDS) -> Histogram:
            return Histogram(f"mainspring_{name}", says, BY, registry=registry, buckets=buckets)

        def counter(name: str, says: str, *more: str) -> Counter:
            return Counter(f"mainspring_{name}", says, (*BY, *more), registry=registry)

        self.queue = histogram("request_queue_time_seconds", "From acceptance to the claim.")
        self.first = histogram("time_to_first_token_seconds", "From acceptance to the first token.")
        self.gap = histogram("inter_token_latency_seconds", "From one token to the next.", GAPS)
        self.inference = histogram("request_inference_time_seconds", "Of the engine alone.")
        self.whole = histogram("e2e_request_latency_seconds", "From acceptance to the stored answer.")
        self.prompt = histogram("request_prompt_tokens", "Tokens of a request's prompt.", TOKENS)
        self.written = histogram("request_generation_tokens", "Tokens of an answer.", TOKENS)
        self.prompts = counter("prompt_tokens_total", "Tokens of prompts.")
        self.writings = counter("generation_tokens_total", "Tokens of answers.")
        self.successes = counter(
            "request_success_total", "Jobs that were answered, by how the answer ended.", "finished_reason"
        )
        self.failures = counter(
            "request_failure_total",
            "Jobs that ended here without an answer, by state and code.",
            "state",
            "code",
        )
        self.given_back = counter(
            "request_given_back_total", "Attempts that went back to the queue; lost: taken down.", "lost"
        )

    def forget(self, labels: Labels) -> None:
        for metric in vars(self).values():
            metric.remove_by_labels(labels._asdict())


class _Series:
    """Those of one version, found once: a look-up costs as much as an observation."""

    def __init__(self, labels: Labels, metrics: _Metrics) -> None:
        self.labels, self._successes = labels, metrics.successes
        self._queue, self._first, self._gap = (
            one.labels(*labels) for one in (metrics.queue, metrics.first, metrics.gap)
        )
        self._inference, self._whole = metrics.inference.labels(*labels), metrics.whole.labels(*labels)
        self._prompt, self._written = metrics.prompt.labels(*labels), metrics.written.labels(*labels)
        self._prompts, self._writings = metrics.prompts.labels(*labels), metrics.writings.labels(*labels)
        for reason in ("stop", "length", "none"):
            metrics.successes.labels(*labels, reason)
        metrics.failures.labels(*labels, JobState.FAILED.value, "engine_failed")

    def answered(self, queued: float, seconds: float, answer: EngineAnswer) -> None:
        prompt, written = answer.usage.get("prompt_tokens", 0), answer.usage.get("completion_tokens", 0)
        self._queue.observe(queued)
        self._inference.observe(answer.engine_seconds)
        self._whole.observe(queued + seconds)
        self._prompt.observe(prompt)
        self._prompts.inc(prompt)
        if answer.first_token_seconds is not None:
            self._first.observe(queued + answer.first_token_seconds)
            self._written.observe(written)
            self._writings.inc(written)
            for gap in answer.gaps:
                self._gap.observe(gap)
        reason = answer.output.get("finish_reason") if isinstance(answer.output, dict) else None
        self._successes.labels(*self.labels, reason or "none").inc()
