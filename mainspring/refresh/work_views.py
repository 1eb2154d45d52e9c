"""Datasets, evaluations and verdicts, as people and programs are told them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from mainspring.refresh.line import Line, line_of
from mainspring.tables import Dataset, Evaluation, Verdict, Version
from mainspring.work import AnyWork


class WorkView(TypedDict):
    """`progress` from 0 to 1; `activity` says in words what it is doing. `wish`: what its worker has yet to hear."""

    id: str
    deployment: str
    state: str
    wish: str | None
    progress: float
    activity: str | None
    measures: dict[str, Any]
    error: dict[str, Any] | None
    asked_by: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class DatasetView(WorkView):
    """`rows` by split; they, the `digest` and `bytes` are null until it has succeeded."""

    digest: str | None
    rows: dict[str, Any] | None
    bytes: int | None


class DatasetDetail(DatasetView):
    """`card`: origins, licences, what was removed and why, and examples."""

    plan: dict[str, Any]
    card: dict[str, Any] | None
    line: Line


class VerdictView(TypedDict):
    """`decision`: accept, reject, needs_human. `findings`: of each metric what was asked and found; `traded`: what was
    gained for what; `would_change`: what would have led to another decision."""

    id: str
    evaluation: str
    version: str
    beside: str | None
    decision: str
    reasons: list[str]
    findings: list[dict[str, Any]]
    traded: list[dict[str, Any]]
    would_change: list[str]
    created_at: str


class VerdictDetail(VerdictView):
    """With `plan` and `results`, from which it can be decided again."""

    deployment: str
    plan: dict[str, Any]
    results: dict[str, Any]
    line: Line


class EvaluationView(WorkView):
    """`beside`: the champion of that time. `decision`: of its newest verdict."""

    version: str
    beside: str | None
    decision: str | None


class EvaluationDetail(EvaluationView):
    """`suite`: what was measured, and how. `results`: each metric with its intervals, once it has succeeded."""

    suite: dict[str, Any]
    results: dict[str, Any] | None
    verdict: VerdictView | None
    line: Line


def dataset_view(dataset: Dataset) -> DatasetView:
    return {
        **work_view(dataset),
        "digest": dataset.digest,
        "rows": dataset.rows,
        "bytes": dataset.bytes,
    }


def dataset_detail(session: Session, dataset: Dataset) -> DatasetDetail:
    line = line_of(session, dataset=dataset.id)
    return {**dataset_view(dataset), "plan": dataset.plan, "card": dataset.card, "line": line}


def evaluation_view(session: Session, evaluation: Evaluation) -> EvaluationView:
    verdict = newest_verdict(session, evaluation.id)
    return {
        **work_view(evaluation),
        "version": session.get_one(Version, evaluation.challenger_id).label,
        "beside": label_of(session, evaluation.champion_id),
        "decision": None if verdict is None else verdict.decision,
    }


def evaluation_detail(session: Session, evaluation: Evaluation) -> EvaluationDetail:
    verdict = newest_verdict(session, evaluation.id)
    return {
        **evaluation_view(session, evaluation),
        "suite": evaluation.suite,
        "results": evaluation.results,
        "verdict": None if verdict is None else verdict_view(session, verdict),
        "line": line_of(session, evaluation=evaluation.id),
    }


def newest_verdict(session: Session, evaluation_id: UUID) -> Verdict | None:
    return session.scalar(
        select(Verdict).where(Verdict.evaluation_id == evaluation_id).order_by(Verdict.id.desc()).limit(1)
    )


def verdict_view(session: Session, verdict: Verdict) -> VerdictView:
    evaluation = session.get_one(Evaluation, verdict.evaluation_id)
    return {
        "id": str(verdict.id),
        "evaluation": str(evaluation.id),
        "version": session.get_one(Version, evaluation.challenger_id).label,
        "beside": label_of(session, evaluation.champion_id),
        "decision": verdict.decision,
        "reasons": verdict.reasons,
        "findings": verdict.details.get("findings", []),
        "traded": verdict.details.get("traded", []),
        "would_change": verdict.details.get("would_change", []),
        "created_at": moment(verdict.created_at),
    }


def verdict_detail(session: Session, verdict: Verdict) -> VerdictDetail:
    return {
        **verdict_view(session, verdict),
        "deployment": session.get_one(Evaluation, verdict.evaluation_id).deployment,
        "plan": verdict.plan,
        "results": verdict.results,
        "line": line_of(session, verdict=verdict.id),
    }


def work_view(work: AnyWork) -> WorkView:
    return {
        "id": str(work.id),
        "deployment": work.deployment,
        "state": work.state,
        "wish": work.wish,
        "progress": work.progress,
        "activity": work.activity,
        "measures": work.measures,
        "error": work.error,
        "asked_by": work.asked_by,
        "created_at": moment(work.created_at),
        "started_at": optional_moment(work.started_at),
        "finished_at": optional_moment(work.finished_at),
    }


def label_of(session: Session, version_id: UUID | None) -> str | None:
    return None if version_id is None else session.get_one(Version, version_id).label


def moment(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def optional_moment(at: datetime | None) -> str | None:
    return None if at is None else moment(at)
