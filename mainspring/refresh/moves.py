"""The states of a refresh and the moves allowed. `to()` is the only writer of `Refresh.state`."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.errors import IllegalTransition
from mainspring.tables import Event, Refresh, RefreshState, RequestState, RetrainingRequest

ACTOR = "refresh"
_STOPPED = frozenset({RefreshState.PARKED, RefreshState.CANCELLED})
MOVES: dict[RefreshState, frozenset[RefreshState]] = {
    RefreshState.CURATING: _STOPPED | {RefreshState.TRAINING, RefreshState.REFUSED},
    RefreshState.TRAINING: _STOPPED | {RefreshState.EVALUATING},
    RefreshState.EVALUATING: _STOPPED | {RefreshState.WAITING, RefreshState.RELEASING, RefreshState.REFUSED},
    # Back: another version has become the champion meanwhile, and nobody has compared it with that one.
    RefreshState.WAITING: _STOPPED | {RefreshState.RELEASING, RefreshState.REFUSED, RefreshState.EVALUATING},
    RefreshState.RELEASING: _STOPPED
    | {RefreshState.RELEASED, RefreshState.ROLLED_BACK, RefreshState.EVALUATING},
}


def to(
    session: Session,
    refresh: Refresh,
    state: RefreshState,
    *,
    reason: str,
    actor: str = ACTOR,
    error: dict[str, Any] | None = None,
) -> None:
    """Move it and write the event, with all that it has made so far; its request ends with it. Raises IllegalTransition."""
    before = RefreshState(refresh.state)
    if state not in MOVES.get(before, frozenset()):
        raise IllegalTransition(
            f"a refresh that is {before.value} cannot become {state.value}",
            remedy="Ask for another one." if before.ended else "See where it is: mainspring refresh NAME.",
        )
    now = moment(session)
    refresh.state, refresh.state_at = state.value, now
    refresh.reason, refresh.error = reason, error
    refresh.tries, refresh.not_before = 0, None
    if state.ended:
        refresh.ended_at = now
        _end_request(session, refresh, now)
    tell(session, refresh, state.value, reason, actor, **{"from": before.value})


def tell(
    session: Session, refresh: Refresh, what: str, reason: str, actor: str = ACTOR, **inputs: Any
) -> None:
    """An event `refresh.…` about its deployment, with the ids of what it has made."""
    session.add(
        Event(
            kind=f"refresh.{what}",
            about=refresh.deployment,
            actor=actor,
            reason=reason,
            inputs={"refresh": str(refresh.id), **made(refresh), **inputs},
        )
    )
    session.flush()


def made(refresh: Refresh) -> dict[str, str]:
    """The ids of what its stages have made, by what they are."""
    parts = ("request", "dataset", "run", "version", "evaluation", "verdict", "rollout")
    found = {part: getattr(refresh, f"{part}_id") for part in parts}
    return {part: str(one) for part, one in found.items() if one is not None}


def moment(session: Session) -> datetime:
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now


def _end_request(session: Session, refresh: Refresh, now: datetime) -> None:
    request = session.get_one(RetrainingRequest, refresh.request_id)
    request.state, request.ended_at = RequestState.DONE.value, now
