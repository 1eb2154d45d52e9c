"""A collector: takes OTLP over HTTP as protobuf, and keeps what it was sent."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.api.serving import until


class Got(NamedTuple):
    """A span as it came; times in nanoseconds, ids in hexadecimal digits. `links`: ids of spans."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    start: int
    end: int
    about: dict[str, Any]
    events: dict[str, int]
    links: list[str]
    failed: bool


class Collector(ThreadingHTTPServer):
    """`held`: while it is set, requests are not answered. `raw`: every byte of every body. `status`: of its answers."""

    request_queue_size = 64

    def __init__(self) -> None:
        self.spans: list[Got] = []
        self.raw = b""
        self.status = 200
        self.held, self.release = threading.Event(), threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if collector.held.is_set():
                    collector.release.wait(20)
                assert self.path == "/v1/traces"
                collector.raw += body
                collector.spans += _spans(ExportTraceServiceRequest.FromString(body))
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def of(self, trace: str) -> list[Got]:
        return [one for one in list(self.spans) if one.trace == trace]

    def wait_for(self, trace: str, *names: str) -> dict[str, Got]:
        """By name, of each name the one that began last, once all of these are there."""
        until(lambda: {one.name for one in self.of(trace)} >= set(names), 60)
        return {one.name: one for one in sorted(self.of(trace), key=lambda one: (one.start, one.end))}

    def until(self, met: Callable[[list[Got]], bool]) -> list[Got]:
        until(lambda: met(list(self.spans)), 60)
        return list(self.spans)


def _spans(request: Any) -> list[Got]:
    return [
        Got(
            _plain(resource.resource.attributes)["service.name"],
            span.name,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.kind,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            _plain(span.attributes),
            {event.name: event.time_unix_nano for event in span.events},
            [link.span_id.hex() for link in span.links],
            span.status.code == 2,
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: _value(one.value) for one in attributes}


def _value(value: Any) -> Any:
    which = value.WhichOneof("value")
    found = getattr(value, which)
    return [_value(one) for one in found.values] if which == "array_value" else found
