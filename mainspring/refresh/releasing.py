"""Last stage: the version takes over as the policy's rollout has it, or is taken back by the rollout's judge."""

from datetime import datetime

from sqlalchemy.orm import Session

from mainspring.errors import Conflict, MainspringError
from mainspring.refresh.failing import failed
from mainspring.refresh.moves import ACTOR, to
from mainspring.registry import champion_of
from mainspring.release.plan import plan_of
from mainspring.release.rollout import begin, current
from mainspring.tables import (
    Deployment,
    Evaluation,
    Refresh,
    RefreshState,
    Rollout,
    RolloutState,
    Stage,
    Version,
)


def step(session: Session, refresh: Refresh, now: datetime) -> bool:
    """False: the train worker has nothing to do for it."""
    if refresh.rollout_id is None:
        _begin(session, refresh, now)
    else:
        _look(session, refresh, session.get_one(Rollout, refresh.rollout_id))
    return False


def _begin(session: Session, refresh: Refresh, now: datetime) -> None:
    version = session.get_one(Version, refresh.version_id)
    if version.stage == Stage.REJECTED:
        to(session, refresh, RefreshState.ROLLED_BACK, reason=f"{version.label} was rejected meanwhile")
        return
    if compared_with_another(session, refresh):
        again(session, refresh)
        return
    open_one = current(session, refresh.deployment)
    if open_one is not None and open_one.challenger_id != version.id:
        return  # it is waited for: one rollout at a time
    policy = session.get_one(Deployment, refresh.deployment).policy
    try:
        with session.begin_nested():
            rollout = begin(session, version, plan_of(policy), actor=ACTOR, reason="the gate has accepted it")
    except Conflict:
        return
    except (MainspringError, ValueError) as error:
        told = (
            error.as_json()
            if isinstance(error, MainspringError)
            else {"detail": "the rollout's plan cannot be read"}
        )
        failed(session, refresh, "the release", told, now)
        return
    if rollout is None:
        to(session, refresh, RefreshState.RELEASED, reason=f"{version.label} is in production")
    else:
        refresh.rollout_id = rollout.id


def _look(session: Session, refresh: Refresh, rollout: Rollout) -> None:
    label = session.get_one(Version, refresh.version_id).label
    match RolloutState(rollout.state):
        case RolloutState.PROMOTED:
            to(session, refresh, RefreshState.RELEASED, reason=f"{label} is in production")
        case RolloutState.ROLLED_BACK | RolloutState.ABORTED as state:
            said = f"the rollout of {label} was {state.value.replace('_', ' ')}"
            to(session, refresh, RefreshState.ROLLED_BACK, reason=said)
        case _:
            pass


def compared_with_another(session: Session, refresh: Refresh) -> bool:
    """Whether another version answers now than the one that this one was measured beside."""
    champion = champion_of(session, refresh.deployment)
    evaluation = session.get_one(Evaluation, refresh.evaluation_id)
    return champion is not None and champion.id not in (evaluation.champion_id, refresh.version_id)


def again(session: Session, refresh: Refresh) -> None:
    """Back to be measured beside today's champion."""
    refresh.evaluation_id = refresh.verdict_id = None
    to(session, refresh, RefreshState.EVALUATING, reason="another version has become the champion meanwhile")
