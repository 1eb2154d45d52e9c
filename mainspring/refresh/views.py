"""Refreshes, as people and programs are told them."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from mainspring.refresh.line import Line, line_of
from mainspring.refresh.work_views import VerdictView, label_of, moment, optional_moment, verdict_view
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
        "not_before": optional_moment(refresh.not_before),
        "trigger": session.get_one(RetrainingRequest, refresh.request_id).trigger,
        "request": str(refresh.request_id),
        "champion": session.get_one(Version, refresh.champion_id).label,
        "dataset": _id(refresh.dataset_id),
        "run": _id(refresh.run_id),
        "version": label_of(session, refresh.version_id),
        "evaluation": _id(refresh.evaluation_id),
        "verdict": _id(refresh.verdict_id),
        "rollout": _id(refresh.rollout_id),
        "work": _piece(session, refresh),
        "began_at": moment(refresh.began_at),
        "state_at": moment(refresh.state_at),
        "ended_at": optional_moment(refresh.ended_at),
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
        "started_at": optional_moment(row.started_at),
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
        {"at": moment(one.at), "kind": one.kind, "actor": one.actor, "reason": one.reason}
        for one in reversed(list(told))
    ]


def _id(one: UUID | None) -> str | None:
    return None if one is None else str(one)
