"""Which requests have a span of their own, and what FastAPI writes into it: those that jobs come by, without any text."""

from collections.abc import MutableMapping
from typing import Any

from fastapi.telemetry import TelemetryConfig

from mainspring.tracing import Road

ACCEPTING = frozenset({"/v1/jobs", "/v1/jobs/bulk"})


def traced(road: Road) -> TelemetryConfig:
    """Nothing but spans, since its logs have exceptions' texts; and these to our own collector alone."""
    return {
        "tracing": road.server is not None,
        "tracer_provider": road.server,
        "operation_spans": False,
        "metrics": False,
        "logs": False,
        "auto_configure": False,
        "exclude": _without_span,
    }


def _without_span(scope: MutableMapping[str, Any]) -> bool:
    """A query would be written down, whatever it says, and these routes have none."""
    return scope["method"] != "POST" or scope["path"] not in ACCEPTING or bool(scope["query_string"])
