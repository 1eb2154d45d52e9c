"""What a person may say of a refresh: that it be released or refused where it waits for a word, and that it be stopped."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from mainspring import work
from mainspring.errors import Conflict, NotFound
from mainspring.lifecycle import advance
from mainspring.refresh.moves import to
from mainspring.refresh.releasing import again, compared_with_another
from mainspring.registry import lock
from mainspring.release.rollout import roll_back
from mainspring.tables import (
    Dataset,
    Evaluation,
    Refresh,
    RefreshState,
    Rollout,
    RolloutState,
    Stage,
    TrainingRun,
    Version,
    Wish,
    WorkState,
)

_UNSEEN = frozenset({Stage.REGISTERED, Stage.TESTING})


def found(session: Session, refresh_id: UUID) -> Refresh:
    """Locked with its deployment. Raises NotFound."""
    refresh = session.get(Refresh, refresh_id)
    if refresh is None:
        raise NotFound(
            "no refresh has that id", field="id", remedy="GET /v1/deployments/{name}/refreshes lists them."
        )
    lock(session, refresh.deployment)
    session.refresh(refresh)
    return refresh


def approve(session: Session, refresh: Refresh, *, actor: str, reason: str) -> None:
    """It is released; measured again first if another version has become the champion meanwhile. Raises Conflict."""
    _require_waiting(refresh)
    if compared_with_another(session, refresh):
        again(session, refresh)
        return
    to(session, refresh, RefreshState.RELEASING, actor=actor, reason=reason)


def refuse(session: Session, refresh: Refresh, *, actor: str, reason: str) -> None:
    """Its version is rejected. Raises Conflict."""
    _require_waiting(refresh)
    _reject(session, refresh, actor, reason)
    to(session, refresh, RefreshState.REFUSED, actor=actor, reason=reason)


def cancel(session: Session, refresh: Refresh, *, actor: str, reason: str) -> None:
    """What is at work for it stops, what it began to release is taken back. Raises Conflict if it has ended."""
    if refresh.ended_at is not None:
        raise Conflict(f"this refresh was {refresh.state.replace('_', ' ')}", remedy="Ask for another one.")
    at_work: tuple[tuple[type[Any], UUID | None], ...] = (
        (Dataset, refresh.dataset_id),
        (TrainingRun, refresh.run_id),
        (Evaluation, refresh.evaluation_id),
    )
    for kind, piece_id in at_work:
        piece = None if piece_id is None else session.get_one(kind, piece_id)
        if piece is not None and not WorkState(piece.state).ended:
            work.ask(session, piece, Wish.CANCEL)
    rollout = None if refresh.rollout_id is None else session.get_one(Rollout, refresh.rollout_id)
    if rollout is not None and rollout.ended_at is None:
        roll_back(session, rollout, actor=actor, reason=reason, state=RolloutState.ABORTED)
    _reject(session, refresh, actor, reason)
    to(session, refresh, RefreshState.CANCELLED, actor=actor, reason=reason)


def _reject(session: Session, refresh: Refresh, actor: str, reason: str) -> None:
    """The version that it made, if it answers nobody."""
    version = None if refresh.version_id is None else session.get_one(Version, refresh.version_id)
    if version is not None and version.stage in _UNSEEN:
        advance(session, version, Stage.REJECTED, actor=actor, reason=reason)


def _require_waiting(refresh: Refresh) -> None:
    if refresh.state != RefreshState.WAITING:
        raise Conflict(
            f"this refresh is {refresh.state.replace('_', ' ')} and waits for nobody's word",
            remedy="See where it is: mainspring refresh NAME.",
        )
