"""What beat does for the rollouts: look at each open one, and step, promote, or roll back. Safe to run twice at once."""

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.release import rollout as verbs
from mainspring.release.judge import Look, in_words, look
from mainspring.release.observing import counts, held, thresholds
from mainspring.release.plan import RolloutPlan
from mainspring.tables import Deployment, Rollout, RolloutState

ACTOR = "judge"


@dataclass
class Judged:
    """`changed`: workers have to look at the rows again. `moved`: how many jobs wait for which version instead."""

    changed: bool = False
    moved: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


def open_deployments(session: Session) -> list[str]:
    return list(session.scalars(select(Rollout.deployment).where(Rollout.ended_at.is_(None))))


def judge(session: Session, deployment: str) -> Judged:
    """One look at one deployment's open rollout, in its own transaction. Nothing, if another looks at the moment."""
    mine = session.scalar(
        select(Deployment.name).where(Deployment.name == deployment).with_for_update(skip_locked=True)
    )
    rollout = verbs.current(session, deployment) if mine is not None else None
    if rollout is None:
        return Judged()
    if rollout.state == RolloutState.LOADING:
        return _loading(session, rollout)
    plan = RolloutPlan.model_validate(rollout.plan)
    limits = rollout.judged.get("thresholds", {})
    found = look(plan, rollout.share, counts(session, rollout, limits))
    rollout.judged = {"thresholds": limits, **found.as_json()}
    if found.worse is not None:
        reason = in_words(found.worse, found.evidence[found.worse])
        return _back(session, rollout, reason)
    if rollout.state == RolloutState.CANARY and rollout.paused_at is None:
        return _forward(session, rollout, plan, found)
    return Judged()


def _loading(session: Session, rollout: Rollout) -> Judged:
    ready, refused = held(session, rollout.challenger_id)
    if ready and rollout.paused_at is None:
        rollout.judged = {"thresholds": thresholds(session, rollout)}
        verbs.to_step(session, rollout, 0, actor=ACTOR, reason="a worker has loaded the challenger")
        return Judged(changed=True, said=["begun"])
    if refused:
        return _back(session, rollout, f"no worker can hold it: {refused[0]}")
    return Judged()


def _back(session: Session, rollout: Rollout, reason: str) -> Judged:
    moved = verbs.roll_back(session, rollout, actor=ACTOR, reason=reason)
    return Judged(changed=True, moved={str(rollout.champion_id): moved}, said=[reason])


def _forward(session: Session, rollout: Rollout, plan: RolloutPlan, found: Look) -> Judged:
    now = session.scalars(select(func.clock_timestamp())).one()
    if found.units < plan.samples or now < rollout.step_at + timedelta(seconds=plan.dwell_seconds):
        return Judged()
    enough = f"no worse in {found.units} of its own at a share of {rollout.share:.0%}"
    if rollout.step + 1 < len(plan.steps):
        verbs.to_step(session, rollout, rollout.step + 1, actor=ACTOR, reason=enough)
    elif plan.approval:
        verbs.wait_for_approval(
            session, rollout, actor=ACTOR, reason=f"{enough}; the policy wants a person's word"
        )
    else:
        verbs.promote(session, rollout, actor=ACTOR, reason=enough)
        return Judged(changed=True, said=[enough])
    return Judged(said=[enough])
