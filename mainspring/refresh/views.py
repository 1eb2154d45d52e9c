"""Datasets, evaluations, verdicts and refreshes, as people and programs are told them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from mainspring.refresh.line import Line, line_of
from mainspring.tables import (
    Dataset,
    Evaluation,
    Event,
    Refresh,
    RefreshState,
    RetrainingRequest,
    TrainingRun,
    Verdict,
    Version,
)
from mainspring.work import AnyWork

MOST_HISTORY = 200


_STAGES: dict[RefreshState, tuple[str, type[Any]]] = {
    RefreshState.CURATING: ("dataset", Dataset),
    RefreshState.TRAINING: ("run", TrainingRun),
    RefreshState.EVALUATING: ("evaluation", Evaluation),
}


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


class PieceView(TypedDict):
    """What is at work for a refresh. `kind`: dataset, run or evaluation."""

    kind: str
    id: str
    state: str
    progress: float
    activity: str | None
    measures: dict[str, Any]
    started_at: str | None


class RefreshView(TypedDict):
    """`reason`: why it is in its state. `tries` of its stage have failed; it is left alone until `not_before`. Of what its
    stages have made, the ids, and the name of the version."""

    id: str
    deployment: str
    state: str
    reason: str
    error: dict[str, Any] | None
    tries: int
    not_before: str | None
    trigger: str
    request: str
    champion: str
    dataset: str | None
    run: str | None
    version: str | None
    evaluation: str | None
    verdict: str | None
    rollout: str | None
    work: PieceView | None
    began_at: str
    state_at: str
    ended_at: str | None


class TurnView(TypedDict):
    """One of its events, such as `refresh.training`."""

    at: str
    kind: str
    actor: str
    reason: str


class RefreshDetail(RefreshView):
    """`asked`: why a better version was wished for. `plan`: the policy's part `refresh` as it was when it began."""

    asked: list[str]
    plan: dict[str, Any]
    judged: VerdictView | None
    history: list[TurnView]
    line: Line


def dataset_view(dataset: Dataset) -> DatasetView:
    return {
        **_work_view(dataset),
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
        **_work_view(evaluation),
        "version": session.get_one(Version, evaluation.challenger_id).label,
        "beside": _label(session, evaluation.champion_id),
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
        "beside": _label(session, evaluation.champion_id),
        "decision": verdict.decision,
        "reasons": verdict.reasons,
        "findings": verdict.details.get("findings", []),
        "traded": verdict.details.get("traded", []),
        "would_change": verdict.details.get("would_change", []),
        "created_at": _at(verdict.created_at),
    }


def verdict_detail(session: Session, verdict: Verdict) -> VerdictDetail:
    return {
        **verdict_view(session, verdict),
        "deployment": session.get_one(Evaluation, verdict.evaluation_id).deployment,
        "plan": verdict.plan,
        "results": verdict.results,
        "line": line_of(session, verdict=verdict.id),
    }


def refreshes_of(session: Session, deployment: str, most: int) -> list[RefreshView]:
    """The newest first."""
    found = session.scalars(
        select(Refresh).where(Refresh.deployment == deployment).order_by(Refresh.id.desc()).limit(most)
    )
    return [refresh_view(session, one) for one in found]


def refresh_view(session: Session, refresh: Refresh) -> RefreshView:
    return {
        "id": str(refresh.id),
        "deployment": refresh.deployment,
        "state": refresh.state,
        "reason": refresh.reason,
        "error": refresh.error,
        "tries": refresh.tries,
        "not_before": _maybe(refresh.not_before),
        "trigger": session.get_one(RetrainingRequest, refresh.request_id).trigger,
        "request": str(refresh.request_id),
        "champion": session.get_one(Version, refresh.champion_id).label,
        "dataset": _id(refresh.dataset_id),
        "run": _id(refresh.run_id),
        "version": _label(session, refresh.version_id),
        "evaluation": _id(refresh.evaluation_id),
        "verdict": _id(refresh.verdict_id),
        "rollout": _id(refresh.rollout_id),
        "work": _piece(session, refresh),
        "began_at": _at(refresh.began_at),
        "state_at": _at(refresh.state_at),
        "ended_at": _maybe(refresh.ended_at),
    }


def refresh_detail(session: Session, refresh: Refresh) -> RefreshDetail:
    verdict = None if refresh.verdict_id is None else session.get_one(Verdict, refresh.verdict_id)
    return {
        **refresh_view(session, refresh),
        "asked": session.get_one(RetrainingRequest, refresh.request_id).reasons,
        "plan": refresh.plan,
        "judged": None if verdict is None else verdict_view(session, verdict),
        "history": _history(session, refresh),
        "line": line_of(session, refresh=refresh.id),
    }


def _piece(session: Session, refresh: Refresh) -> PieceView | None:
    """Of the stage that it is in."""
    stage = _STAGES.get(RefreshState(refresh.state))
    if stage is None:
        return None
    kind, table = stage
    work_id = getattr(refresh, f"{kind}_id")
    row: AnyWork | None = None if work_id is None else session.get(table, work_id)
    if row is None:
        return None
    return {
        "kind": kind,
        "id": str(row.id),
        "state": row.state,
        "progress": row.progress,
        "activity": row.activity,
        "measures": row.measures,
        "started_at": _maybe(row.started_at),
    }


def _history(session: Session, refresh: Refresh) -> list[TurnView]:
    """The oldest first."""
    told = session.scalars(
        select(Event)
        .where(
            Event.about == refresh.deployment,
            Event.kind.startswith("refresh."),
            Event.at >= refresh.began_at,
            Event.inputs["refresh"].astext == str(refresh.id),
        )
        .order_by(Event.id.desc())
        .limit(MOST_HISTORY)
    )
    return [
        {"at": _at(one.at), "kind": one.kind, "actor": one.actor, "reason": one.reason}
        for one in reversed(list(told))
    ]


def _work_view(work: AnyWork) -> WorkView:
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
        "created_at": _at(work.created_at),
        "started_at": _maybe(work.started_at),
        "finished_at": _maybe(work.finished_at),
    }


def _label(session: Session, version_id: UUID | None) -> str | None:
    return None if version_id is None else session.get_one(Version, version_id).label


def _id(one: UUID | None) -> str | None:
    return None if one is None else str(one)


def _at(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _maybe(at: datetime | None) -> str | None:
    return None if at is None else _at(at)
