"""Traces as OTLP in JSON, which MLflow takes at `/v1/traces`: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.

A trace's and a span's identifier follow from the job's, so that what is sent again is the same trace.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from mainspring.mirror.things import Span, Trace

MOST, MOST_BYTES = 20, 1_000_000  # traces in a request, and what they may come to; one alone may be larger
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TAG = "mlflow.traceTag."  # of a root span: MLflow makes it a tag of the trace
_PLAIN = {bool: "boolValue", float: "doubleValue", str: "stringValue"}
_INTERNAL, _OK, _ERROR = 1, 1, 2


def trace_id(key: str) -> str:
    """What MLflow calls the trace of this job."""
    return f"tr-{UUID(key).hex}"


def batches(traces: Sequence[Trace]) -> Iterator[list[Trace]]:
    some: list[Trace] = []
    size = 0
    for trace in traces:
        own = len(orjson.dumps(_spans(trace)))
        if some and (len(some) == MOST or size + own > MOST_BYTES):
            yield some
            some, size = [], 0
        some.append(trace)
        size += own
    if some:
        yield some


def request(traces: Sequence[Trace]) -> dict[str, Any]:
    """An ExportTraceServiceRequest."""
    spans = [span for trace in traces for span in _spans(trace)]
    resource = {"attributes": [_pair("service.name", "mainspring")]}
    scope = {"scope": {"name": "mainspring"}, "spans": spans}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}


def _spans(trace: Trace) -> list[dict[str, Any]]:
    root, *parts = trace.spans
    tags = {f"{_TAG}{name}": text for name, text in trace.tags.items()}
    status = {"code": _OK} if trace.trouble is None else {"code": _ERROR, "message": trace.trouble}
    first = _span(trace.key, root) | {"status": status}
    first["attributes"] += [_pair(name, text) for name, text in tags.items()]
    above = {"parentSpanId": first["spanId"]}
    return [first, *(_span(trace.key, part) | above | {"status": {"code": _OK}} for part in parts)]


def _span(key: str, span: Span) -> dict[str, Any]:
    attributes = {"mlflow.spanType": span.kind, **span.attributes}
    return {
        "traceId": UUID(key).hex,
        "spanId": hashlib.sha256(UUID(key).bytes + span.name.encode()).hexdigest()[:16],
        "name": span.name,
        "kind": _INTERNAL,
        "startTimeUnixNano": _nanoseconds(span.began_at),
        "endTimeUnixNano": _nanoseconds(span.ended_at),
        "attributes": [_pair(name, value) for name, value in attributes.items()],
    }


def _nanoseconds(at: datetime) -> str:
    return str((at - _EPOCH) // timedelta(microseconds=1) * 1000)


def _pair(name: str, value: Any) -> dict[str, Any]:
    return {"key": name, "value": _value(value)}


def _value(value: Any) -> dict[str, Any]:
    """An AnyValue; of null an empty one."""
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [_pair(name, one) for name, one in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"intValue": str(value)}
    name = _PLAIN.get(type(value))
    return {} if name is None else {name: value}
