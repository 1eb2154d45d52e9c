"""The W3C trace context that a job's row carries from the api to whoever works for it (w3.org/TR/trace-context)."""

from typing import NamedTuple


class TraceContext(NamedTuple):
    """The values of the two headers of these names."""

    traceparent: str
    tracestate: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        given = {"traceparent": self.traceparent}
        return given if self.tracestate is None else given | {"tracestate": self.tracestate}


class Carried(NamedTuple):
    """What a claim finds in the row of a traced job; `accepted` and `begun` (this attempt) in seconds since 1970."""

    context: TraceContext
    accepted: float
    begun: float
