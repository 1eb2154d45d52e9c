"""The way back: to the champion of the open rollout, or to an earlier version that was kept."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.errors import Conflict, InvalidRequest
from mainspring.lifecycle import advance, has_been_in_production
from mainspring.registry import champion_of, lock, refuse_deleted
from mainspring.release.holdable import require_holdable
from mainspring.release.moving import Moved, hold, move
from mainspring.release.rollout import current, roll_back
from mainspring.tables import Event, RolloutState, Stage, Version

_KEPT = (Stage.DRAINING.value, Stage.RETIRED.value)


@dataclass(frozen=True)
class Back:
    """`version` answers now, instead of `instead_of`; so many jobs that waited were moved."""

    version: Version
    instead_of: Version
    moved: int


def go_back(
    session: Session,
    deployment: str,
    to: Version | None = None,
    *,
    actor: str,
    reason: str,
    force: bool = False,
) -> Back:
    """In one transaction. `to`: an earlier version of the deployment; None: the older one that answered last.

    Raises UnknownDeployment, Conflict if there is no way back or, without `force`, if no worker can hold that version,
    InvalidRequest if `to` never answered.
    """
    lock(session, deployment)
    if to is not None:
        session.refresh(to)
    rollout, champion = current(session, deployment), champion_of(session, deployment)
    if champion is None:
        raise Conflict(f"`{deployment}` has no version in production", remedy="Deploy one.")
    if rollout is not None and to in (None, champion):
        challenger = session.get_one(Version, rollout.challenger_id)
        moved = roll_back(session, rollout, actor=actor, reason=reason)
        return Back(champion, challenger, moved)
    earlier = to or before(session, champion)
    if earlier is None:
        raise Conflict(
            f"no version older than {champion.label} has answered",
            field="to",
            remedy="Name the version to go back to, or deploy another one.",
        )
    _refuse_unfit(session, earlier, champion)
    if not force:
        require_holdable(session, earlier)
    if rollout is not None:
        hold(session, [rollout.challenger_id, champion.id])
        roll_back(session, rollout, actor=actor, reason=reason, state=RolloutState.ABORTED)
    left = _swap(session, champion, earlier, actor, reason)
    return Back(earlier, champion, left.jobs)


def _refuse_unfit(session: Session, earlier: Version, champion: Version) -> None:
    """Raises Conflict for the champion itself or one without files, InvalidRequest for one that never answered."""
    if earlier.id == champion.id:
        raise Conflict(f"{champion.label} answers already", field="to", remedy="Name an earlier version.")
    if earlier.stage not in _KEPT or not has_been_in_production(session, earlier):
        raise InvalidRequest(
            f"{earlier.label} is {earlier.stage}: it has not been in production",
            field="to",
            remedy="Register the same model again: it gets another number."
            if earlier.stage in _KEPT
            else f"Begin a rollout of it: mainspring rollout {earlier.label}.",
        )
    refuse_deleted(earlier)


def _swap(session: Session, champion: Version, earlier: Version, actor: str, reason: str) -> Moved:
    """The champion drains and the earlier one answers, also what waits; that is told."""
    advance(
        session,
        champion,
        Stage.DRAINING,
        actor=actor,
        reason=f"rolled back to {earlier.label}: {reason}",
        inputs={"rolled_back_to": earlier.label},
    )
    advance(session, earlier, Stage.PRODUCTION, actor=actor, reason=reason, inputs={"digest": earlier.digest})
    left = move(session, champion.id, earlier.id, stays=True)
    inputs = {
        "from": champion.label,
        "to": earlier.label,
        "moved": left.jobs,
        "sessions": left.sessions,
    }
    about = earlier.deployment
    session.add(Event(kind="deployment.rolled_back", about=about, actor=actor, reason=reason, inputs=inputs))
    session.flush()
    return left


def before(session: Session, champion: Version) -> Version | None:
    """Where the way back leads: which of the older ones that are kept left production last.

    Older, so that the way back taken twice does not lead to the version that it led away from.
    """
    left = (
        select(Event.about, func.max(Event.id).label("at"))
        .where(Event.kind == "version.advanced", Event.inputs["from"].astext == Stage.PRODUCTION.value)
        .group_by(Event.about)
        .subquery()
    )
    label = func.concat(Version.deployment, "@", Version.number)
    return session.scalar(
        select(Version)
        .join(left, left.c.about == label)
        .where(
            Version.deployment == champion.deployment,
            Version.number < champion.number,
            Version.stage.in_(_KEPT),
            Version.deleted_at.is_(None),
        )
        .order_by(left.c.at.desc())
        .limit(1)
    )
