"""A sample of a version's ended jobs as traces: how long each waited, was read, and written. From rows; no text but what is
kept."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.errors import TextLocked
from mainspring.kept.keys import Keys
from mainspring.kept.leaving import over
from mainspring.kept.plan import TracePlan, text_plan, trace_plan
from mainspring.kept.reading import content_of
from mainspring.mirror.things import ID, WORDS, Span, Trace, texts
from mainspring.observe.sampling import drawn
from mainspring.tables import Deployment, Job, JobState, KeptText, Observation, Version
from mainspring.terms import Task

MOST = 1000  # observations at once, of which the sample is drawn
_KINDS = {  # in MLflow's words
    Task.TEXT_GENERATION: "LLM",
    Task.TRANSLATION: "LLM",
    Task.SUMMARIZATION: "LLM",
    Task.FEATURE_EXTRACTION: "EMBEDDING",
}


@dataclass(frozen=True)
class Traced:
    """A version whose deployment's policy has traces of it shown."""

    id: UUID
    label: str
    deployment: str
    task: Task
    plan: TracePlan
    policy: Mapping[str, Any]


@dataclass(frozen=True)
class Stretch:
    """`until`: the last observation that was looked at; None: there is none."""

    until: int | None
    traces: Sequence[Trace] = ()


def traced(session: Session) -> list[Traced]:
    found = session.execute(
        select(Version, Deployment)
        .join(Deployment, Deployment.name == Version.deployment)
        .where(Deployment.policy.has_key("traces"))
        .order_by(Version.id)
    )
    return [
        Traced(version.id, version.label, of.name, Task(of.task), plan, of.policy)
        for version, of in found
        if (plan := trace_plan(of.policy)) is not None
    ]


def following(session: Session, version: Traced, keys: Keys, since: int) -> Stretch:
    """Of the next observations, in the order in which jobs were looked at."""
    seen = session.execute(
        select(Observation.seq, Observation.job_id, Observation.at)
        .where(Observation.version_id == version.id, Observation.seq > since)
        .order_by(Observation.seq)
        .limit(MOST)
    ).all()
    if not seen:
        return Stretch(None)
    sample = {row.job_id: row.at for row in seen if drawn(row.job_id, version.plan.share)}
    said = _said(session, version, keys, list(sample)) if version.plan.text else {}
    rows = session.execute(
        select(Observation, Job)
        .outerjoin(Job, Job.id == Observation.job_id)
        .where(Observation.job_id.in_(sample), Observation.at.in_(set(sample.values())))
        .order_by(Observation.seq)
    ).all()
    return Stretch(seen[-1].seq, [_trace(version, seen, job, said.get(seen.job_id)) for seen, job in rows])


def _said(session: Session, version: Traced, keys: Keys, jobs: list[UUID]) -> dict[UUID, dict[str, Any]]:
    """Of those that are kept and can be opened."""
    plan = text_plan(dict(version.policy))
    rows = session.scalars(select(KeptText).where(KeptText.job_id.in_(jobs), ~over(plan, datetime.now(UTC))))
    said = {}
    for row in rows:
        with suppress(TextLocked):
            said[row.job_id] = content_of(row, keys)
    return said


def _trace(version: Traced, seen: Observation, job: Job | None, said: dict[str, Any] | None) -> Trace:
    began = seen.at - timedelta(seconds=seen.total_seconds or 0.0)
    code = None if job is None or job.error is None else job.error.get("code")
    root = Span(
        version.deployment,
        _KINDS.get(version.task, "UNKNOWN"),
        began,
        seen.at,
        _attributes(version, seen, job) | _words(said),
    )
    return Trace(
        key=str(seen.job_id),
        name=version.deployment,
        spans=(root, *parts(seen, began)),
        trouble=None if seen.state == JobState.SUCCEEDED else code or seen.state,
        tags=texts(
            **{ID: str(seen.job_id)},
            job=str(seen.job_id),
            deployment=version.deployment,
            version=version.label,
            state=seen.state,
        ),
        worded=said is not None,
    )


def parts(seen: Observation, began: datetime) -> list[Span]:
    """From acceptance to the end, without gaps: in the queue, reading the prompt, writing the answer. A model that does not
    write has one span for its answer."""
    taken = _after(began, seen.queue_seconds, seen.at)
    parts = [Span("queue", "TASK", began, taken)]
    if taken < seen.at and seen.first_token_seconds is not None:
        first = max(taken, _after(began, seen.first_token_seconds, seen.at))
        parts.append(Span("prefill", "TASK", taken, first, _known(prompt_tokens=seen.prompt_tokens)))
        written = _known(completion_tokens=seen.completion_tokens, finish_reason=seen.finish_reason)
        parts.append(Span("decode", "TASK", first, seen.at, written))
    elif taken < seen.at:
        parts.append(Span("answer", "TASK", taken, seen.at))
    return parts


def _after(began: datetime, seconds: float | None, ended: datetime) -> datetime:
    return ended if seconds is None else min(ended, began + timedelta(seconds=seconds))


def _attributes(version: Traced, seen: Observation, job: Job | None) -> dict[str, Any]:
    """Numbers are MLflow's own where it has a name for them: mlflow.tracing.constant."""
    usage = _known(input_tokens=seen.prompt_tokens, output_tokens=seen.completion_tokens)
    return _known(
        **{
            "mlflow.llm.model": version.label,
            "mlflow.chat.tokenUsage": usage | {"total_tokens": sum(usage.values())} if usage else None,
            "session.id": None if seen.session_id is None else str(seen.session_id),
        },
        job=str(seen.job_id),
        deployment=version.deployment,
        version=version.label,
        state=seen.state,
        finish_reason=seen.finish_reason,
        mean_logprob=seen.mean_logprob,
        language=seen.language,
        attempt=None if job is None else job.attempt,
        priority=None if job is None else job.priority,
        traceparent=None if job is None else job.traceparent,
    )


def _words(said: dict[str, Any] | None) -> dict[str, Any]:
    return {} if said is None else dict(zip(WORDS, (said["input"], said["output"]), strict=True))


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
