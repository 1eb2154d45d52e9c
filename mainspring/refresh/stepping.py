"""One look at one refresh: what its stage has come to, and what follows. Safe to do twice, and by two at once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.refresh import curating, evaluating, releasing, training
from mainspring.refresh.moves import ACTOR
from mainspring.refresh.saying import cancel
from mainspring.registry import lock_free
from mainspring.tables import Deployment, Refresh, RefreshState

_STEPS = {
    RefreshState.CURATING: curating.step,
    RefreshState.TRAINING: training.step,
    RefreshState.EVALUATING: evaluating.step,
    RefreshState.RELEASING: releasing.step,
}


@dataclass(frozen=True)
class Stepped:
    """`work`: the train worker has something new to do. `moved`: it is in another state than before."""

    work: bool = False
    moved: bool = False


def open_ones(session: Session) -> list[UUID]:
    return list(session.scalars(select(Refresh.id).where(Refresh.ended_at.is_(None)).order_by(Refresh.id)))


def step(session: Session, refresh_id: UUID, now: datetime) -> Stepped:
    """Nothing, if somebody else looks at it or at its deployment right now, or it has ended, or is to be left for a while."""
    refresh = session.get_one(Refresh, refresh_id)
    if refresh.deployment not in lock_free(session, [refresh.deployment]):
        return Stepped()
    session.refresh(refresh, with_for_update=True)
    if refresh.ended_at is not None or (refresh.not_before is not None and now < refresh.not_before):
        return Stepped()
    before = refresh.state
    if session.get_one(Deployment, refresh.deployment).retired_at is not None:
        cancel(session, refresh, actor=ACTOR, reason="its deployment is retired")
        return Stepped(moved=True)
    take = _STEPS.get(RefreshState(before))
    work = take is not None and take(session, refresh, now)
    session.flush()
    return Stepped(work, refresh.state != before)
