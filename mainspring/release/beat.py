"""What beat does for the rollouts: look at each open one, and step, promote, or roll back. Safe to run twice at once."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.registry import lock_free
from mainspring.release import rollout as verbs
from mainspring.release.before import BEFORE
from mainspring.release.judge import Look, in_words, look
from mainspring.release.judged import ACTOR, Judged, back
from mainspring.release.observing import counts, held, slowness
from mainspring.release.plan import RolloutPlan
from mainspring.tables import Rollout, RolloutState


def open_deployments(session: Session) -> list[str]:
    return list(session.scalars(select(Rollout.deployment).where(Rollout.ended_at.is_(None))))


def judge(session: Session, deployment: str) -> Judged:
    """One look at one deployment's open rollout, in its own transaction. Nothing, if another looks at the moment."""
    mine = lock_free(session, [deployment])
    rollout = verbs.current(session, deployment) if mine else None
    if rollout is None:
        return Judged()
    plan = RolloutPlan.model_validate(rollout.plan)
    before = BEFORE.get(RolloutState(rollout.state))
    if before is not None:
        return before(session, rollout, plan)
    _, refused = held(session, rollout.challenger_id)
    if refused:
        return back(session, rollout, f"no worker can hold it any more: {refused[0]}")
    limits = rollout.judged.get("thresholds", {})
    seen = counts(session, rollout, limits), slowness(session, rollout, limits)
    found = look(plan, rollout.share, *seen)
    rollout.judged = {**rollout.judged, **found.as_json()}
    if found.worse is not None:
        reason = in_words(found.worse, found.evidence[found.worse])
        return back(session, rollout, reason)
    if rollout.state == RolloutState.CANARY and rollout.paused_at is None:
        return _forward(session, rollout, plan, found)
    return Judged()


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
