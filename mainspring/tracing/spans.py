"""Stretches of the road as spans. Failures are told by codes and classes: an exception's text may hold a prompt."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from time import time_ns
from types import TracebackType
from typing import Self

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace import Span, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from mainspring.errors import MainspringError
from mainspring.serving.engine import EngineAnswer
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.webhooks import Tried
from mainspring.tracecontext import TraceContext

Attributes = dict[str, AttributeValue]
W3C = TraceContextTextMapPropagator()


def read(headers: Mapping[str, str]) -> contexts.Context:
    """What is no valid context is none."""
    return W3C.extract(headers, contexts.Context())


class Stretched:
    """A span that has begun."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._failure: str | None = None

    @property
    def within(self) -> contexts.Context:
        """For spans inside it."""
        return trace.set_span_in_context(self._span, contexts.Context())

    @cached_property
    def context(self) -> TraceContext | None:
        """None if it is not sampled: then nobody need carry it."""
        if not self._span.get_span_context().trace_flags.sampled:
            return None
        headers: dict[str, str] = {}
        W3C.inject(headers, self.within)
        return TraceContext(headers["traceparent"], headers.get("tracestate"))

    def fail(self, code: str) -> None:
        self._failure = code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._failure = error.code if isinstance(error, MainspringError) else type(error).__name__
        if self._failure is not None:
            self._span.set_attribute("error.type", self._failure)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class AcceptingSpan(Stretched):
    def given(self, one: Submission) -> Submission:
        context = self.context
        return one if context is None else replace(one, trace=context)

    def stored(self, receipt: Receipt) -> None:
        """From now on its deployment has a name that is known; what the caller wrote might have been anything."""
        self._span.update_name(f"accept {receipt.deployment}")
        self._span.set_attributes(
            {
                "messaging.destination.name": receipt.deployment,
                "messaging.message.id": str(receipt.job_id),
                "mainspring.version": receipt.version,
                "mainspring.job.replayed": not receipt.fresh,
            }
        )


class AskingSpan(Stretched):
    def answered(self, answer: EngineAnswer) -> None:
        """The engine's own clock says how long before now it was asked, and when its first token came."""
        found: Attributes = {
            f"gen_ai.usage.{ours}_tokens": answer.usage[theirs]
            for ours, theirs in (("input", "prompt_tokens"), ("output", "completion_tokens"))
            if theirs in answer.usage
        }
        if isinstance(answer.output, dict) and isinstance(reason := answer.output.get("finish_reason"), str):
            found["gen_ai.response.finish_reasons"] = [reason]
        if (first := answer.first_token_seconds) is not None:
            found["gen_ai.response.time_to_first_chunk"] = first
            before = max(0.0, answer.engine_seconds - first)
            self._span.add_event("first_token", timestamp=time_ns() - int(before * 1e9))
        self._span.set_attributes(found)


class DeliveringSpan(Stretched):
    def tried(self, tried: Tried) -> None:
        if tried.status is not None:
            self._span.set_attribute("http.response.status_code", tried.status)
        if not tried.delivered:
            self.fail(tried.problem or str(tried.status))
