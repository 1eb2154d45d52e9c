"""The road while somebody listens. Names and attributes as OpenTelemetry's conventions have them: messaging for the
queue (the deployment is the destination, the job the message), gen_ai for the engine, http for webhooks."""

from collections.abc import Mapping
from urllib.parse import urlsplit
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Tracer

from mainspring.serving.claim import Claimed, Fence
from mainspring.serving.due import Due
from mainspring.serving.sweep import Lost
from mainspring.terms import EngineName, Task
from mainspring.tracecontext import Carried
from mainspring.tracing.exporting import Exporting, Named, attempt_id
from mainspring.tracing.road import Asking, Attempt, Delivering, Stretch
from mainspring.tracing.spans import (
    AcceptingSpan,
    AskingSpan,
    Attributes,
    DeliveringSpan,
    Stretched,
    read,
)
from mainspring.tracing.untraced import UNTRACED

# Parameters of a request that the conventions know, by ours.
REQUESTED = {
    "max_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
}
HTTP_ENGINES = ("http", EngineName.VLLM.value)


class Traced:
    """One a process. `endpoint`: of OTLP over HTTP, without the path."""

    def __init__(self, endpoint: str, process: str) -> None:
        self._exporting = Exporting(endpoint, process)
        self.server = self._exporting.provider
        self._tracer = self.server.get_tracer("mainspring")

    @property
    def lost(self) -> int:
        return self._exporting.lost

    def close(self) -> None:
        self._exporting.close()

    def accepting(self, headers: Mapping[str, str], *, many: int = 1) -> AcceptingSpan:
        about = _about("accept", "send")
        if many > 1:
            about["messaging.batch.message_count"] = many
        request = trace.get_current_span().get_span_context().is_valid
        span = self._tracer.start_span(
            "accept",
            context=None if request else read(headers),
            kind=SpanKind.PRODUCER,
            attributes=about,
        )
        return AcceptingSpan(span)

    def answering(self, job: Claimed, deployment: str, version: str) -> Attempt:
        if job.trace is None:
            return UNTRACED
        span = self._begun(job.fence, job.trace, deployment, version)
        return AttemptSpan(span, self._tracer, job, deployment)

    def died(self, lost: Lost) -> None:
        began = int(lost.trace.begun * 1e9)
        with Stretched(self._begun(lost.fence, lost.trace, lost.deployment, lost.version, began)) as attempt:
            attempt.fail("worker_died")

    def _begun(
        self, fence: Fence, trace: Carried, deployment: str, version: str, start: int | None = None
    ) -> Span:
        """The span of an attempt, and before it that of its time in the queue. `start`: nanoseconds; None: now."""
        parent, number = read(trace.context.headers), {"mainspring.job.attempt": fence.attempt}
        queue = self._tracer.start_span(
            f"queue {deployment}", context=parent, attributes=number, start_time=int(trace.accepted * 1e9)
        )
        queue.end(int(trace.begun * 1e9))
        about = _about("answer", "process") | number
        about |= {
            "messaging.destination.name": deployment,
            "messaging.message.id": str(fence.job_id),
            "mainspring.version": version,
        }
        with Named(attempt_id(fence.job_id, fence.attempt)):
            return self._tracer.start_span(
                f"answer {deployment}",
                context=parent,
                kind=SpanKind.CONSUMER,
                attributes=about,
                links=_to_attempt(parent, fence.job_id, fence.attempt - 1),
                start_time=start,
            )

    def delivering(self, one: Due) -> Delivering:
        if one.trace is None:
            return UNTRACED
        parent = read(one.trace.headers)
        about = _place(one.url) | {
            "http.request.method": "POST",
            "http.request.resend_count": one.number - 1,
            "messaging.message.id": str(one.job.id),
        }
        span = self._tracer.start_span(
            "deliver",
            context=parent,
            kind=SpanKind.CLIENT,
            attributes=about,
            links=_to_attempt(parent, one.job.id, one.job.attempt),
        )
        return DeliveringSpan(span)


class AttemptSpan(Stretched):
    def __init__(self, span: Span, tracer: Tracer, job: Claimed, deployment: str) -> None:
        super().__init__(span)
        self._tracer, self._job, self._deployment = tracer, job, deployment

    def asking(self, task: str, engine: str) -> Asking:
        operation, job = _operation(task, self._job.input), self._job
        about: Attributes = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": "mainspring",
            "gen_ai.request.model": self._deployment,
            "gen_ai.request.seed": job.seed,
            "mainspring.engine": engine,
        }
        about |= {REQUESTED[name]: value for name, value in job.parameters.items() if name in REQUESTED}
        if job.session_id is not None:
            about["gen_ai.conversation.id"] = str(job.session_id)
        kind = SpanKind.CLIENT if engine in HTTP_ENGINES else SpanKind.INTERNAL
        name = f"{operation} {self._deployment}"
        return AskingSpan(self._tracer.start_span(name, context=self.within, kind=kind, attributes=about))

    def finishing(self) -> Stretch:
        return Stretched(self._tracer.start_span(f"finish {self._deployment}", context=self.within))

    def ended(self, state: str, code: str | None = None) -> None:
        self._span.set_attribute("mainspring.job.state", state)
        if code is not None:
            self.fail(code)


def _about(operation: str, kind: str) -> Attributes:
    return {
        "messaging.system": "mainspring",
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
    }


def _place(url: str) -> Attributes:
    """Without path and query, which may be secrets. What is no address is none here; the sender says what is wrong."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return {}
    return {"url.scheme": parts.scheme, "server.address": parts.hostname or "", "server.port": port}


def _operation(task: str, given: object) -> str:
    """As the conventions name it, else the task."""
    if task == Task.TEXT_GENERATION:
        return "chat" if isinstance(given, dict) else "text_completion"
    return "embeddings" if task == Task.FEATURE_EXTRACTION else task


def _to_attempt(parent: Context, job_id: UUID, attempt: int) -> list[Link]:
    """None for the first."""
    if attempt < 1:
        return []
    mine = trace.get_current_span(parent).get_span_context()
    if not mine.is_valid:
        return []
    context = SpanContext(
        mine.trace_id, attempt_id(job_id, attempt), is_remote=True, trace_flags=mine.trace_flags
    )
    return [Link(context, {"mainspring.job.attempt": attempt})]
