"""Spans on their way to the collector: a bounded queue, one thread, and a count of what could not be sent.

The SDK's own variables hold: OTEL_TRACES_SAMPLER (by default whatever the caller's context says, else all),
OTEL_EXPORTER_OTLP_HEADERS and _CERTIFICATE, OTEL_BSP_SCHEDULE_DELAY, OTEL_RESOURCE_ATTRIBUTES.
"""

import logging
import socket
import time
from collections.abc import Sequence
from contextvars import ContextVar
from hashlib import blake2b
from threading import Lock, Thread
from uuid import UUID, uuid4

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from mainspring.logs import log

MOST_WAITING = 2048
TOGETHER = 512
SAY_SECONDS = 60.0  # between two lines about lost spans
CLOSE_SECONDS = 3.0
_NEXT: ContextVar[int | None] = ContextVar("next_span_id", default=None)


class Exporting:
    """One a process. `lost`: spans that came while too many waited, or that the collector did not take."""

    def __init__(self, endpoint: str, process: str) -> None:
        # What it says of a collector that is away holds addresses and is said at each try: see Outgoing for ours.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._exporter = Outgoing(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces"))
        resource = Resource.create(
            {
                "service.name": f"mainspring-{process}",
                "service.namespace": "mainspring",
                "service.instance.id": str(uuid4()),
                "host.name": socket.gethostname(),
            }
        )
        self.provider = TracerProvider(resource=resource, id_generator=Ids(), shutdown_on_exit=False)
        self.provider.add_span_processor(Bounded(self._exporter))

    @property
    def lost(self) -> int:
        return self._exporter.lost

    def close(self) -> None:
        """After what waits was sent; a collector that is away holds nobody up for longer than it takes."""
        closing = Thread(target=self.provider.shutdown, name="traces-closing", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
        self._exporter.give_up()


class Outgoing(SpanExporter):
    """Counts what waits and what was lost, and says so now and then."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lock, self._waiting, self._most = Lock(), 0, MOST_WAITING  # at most 0: it was given up
        self._said, self._said_at = 0, float("-inf")
        self.lost = 0

    def admit(self) -> bool:
        """Whether one more may wait. Counted either way."""
        with self._lock:
            room = self._waiting < self._most
            self._waiting += room
            self.lost += not room
        return room

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        sent = result is SpanExportResult.SUCCESS
        with self._lock:
            if not self._most:
                return result  # it was counted then
            self._waiting -= len(spans)
            self.lost += 0 if sent else len(spans)
        if time.monotonic() > self._said_at + SAY_SECONDS:
            self._say()
        return result

    def give_up(self) -> None:
        """What still waits is lost, and what comes from now on."""
        with self._lock:
            self.lost, self._waiting, self._most = self.lost + self._waiting, 0, 0
        self._exporter.shutdown()
        self._say()

    def _say(self) -> None:
        if self.lost > self._said:
            self._said, self._said_at = self.lost, time.monotonic()
            log.warning("traces.lost", spans=self.lost)

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class Bounded(BatchSpanProcessor):
    """The SDK's queue drops the oldest and counts nothing; so it is never let come full."""

    def __init__(self, outgoing: Outgoing) -> None:
        super().__init__(outgoing, max_queue_size=MOST_WAITING, max_export_batch_size=TOGETHER)
        self._outgoing = outgoing

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is not None and span.context.trace_flags.sampled and self._outgoing.admit():
            super().on_end(span)


class Ids(RandomIdGenerator):
    """Random, but for an attempt's: made of its job and its number, so that others can link to it, whoever died."""

    def generate_span_id(self) -> int:
        given = _NEXT.get()
        return super().generate_span_id() if given is None else given


class Named:
    """`with Named(span_id):` the span that is begun has this id."""

    def __init__(self, span_id: int) -> None:
        self._span_id = span_id

    def __enter__(self) -> None:
        self._token = _NEXT.set(self._span_id)

    def __exit__(self, *_: object) -> None:
        _NEXT.reset(self._token)


def attempt_id(job_id: UUID, attempt: int) -> int:
    """64 bits, of which not all are zero."""
    return int.from_bytes(blake2b(f"{job_id}.{attempt}".encode(), digest_size=8).digest()) or 1
