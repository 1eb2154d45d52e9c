"""What a challenger goes through before it has any share: it is loaded, tested with prompts, and tried in the shadow."""

from sqlalchemy.orm import Session

from mainspring.release import rollout as verbs
from mainspring.release.judged import ACTOR, Judged, back
from mainspring.release.observing import held, thresholds
from mainspring.release.plan import RolloutPlan
from mainspring.release.shadow import Verdict, beside, prompts_verdict, shadow_verdict, tested
from mainspring.settings import Environment
from mainspring.tables import Rollout, RolloutState, Stage, Version
from mainspring.trials import asking
from mainspring.trials.prompts import named


def _loading(session: Session, rollout: Rollout, plan: RolloutPlan) -> Judged:
    """Wait for a worker of the environment in which it is next."""
    testing = session.get_one(Version, rollout.challenger_id).stage == Stage.TESTING
    shadow = plan.shadow is not None and rollout.shadowed_at is None
    where = Environment.PRODUCTION
    if testing or shadow:
        where = Environment.TESTING if testing else Environment.STAGING
    ready, refused = held(session, rollout.challenger_id, where)
    if refused:
        return back(session, rollout, f"no worker can hold it: {refused[0]}")
    if not ready or rollout.paused_at is not None:
        return Judged()
    loaded = "a worker has loaded the challenger"
    if testing:
        verbs.to_testing(session, rollout, actor=ACTOR, reason=loaded)
        return Judged(said=["testing"])
    if "thresholds" not in rollout.judged:
        rollout.judged = {**rollout.judged, "thresholds": thresholds(session, rollout)}
    if shadow:
        verbs.to_shadow(session, rollout, actor=ACTOR, reason=loaded)
        return Judged(said=["shadow"])
    verbs.to_step(session, rollout, 0, actor=ACTOR, reason=loaded)
    return Judged(changed=True, said=["begun"])


def _testing(session: Session, rollout: Rollout, plan: RolloutPlan) -> Judged:
    assert plan.prompts is not None
    wanted = named(session, rollout.deployment, plan.prompts)
    verdict = prompts_verdict(plan, *tested(session, wanted, rollout.champion_id, rollout.challenger_id))
    if (judged := _judged(session, rollout, "testing", verdict)) is not None:
        return judged
    reason = f"no worse than the champion with the {verdict.found['answered']} prompts of `{plan.prompts}`"
    verbs.to_staging(session, rollout, actor=ACTOR, reason=reason)
    return Judged(changed=True, said=[reason])


def _shadow(session: Session, rollout: Rollout, plan: RolloutPlan) -> Judged:
    assert plan.shadow is not None
    if rollout.paused_at is None:
        asking.replay(session, rollout, plan.shadow.replay)
        asking.shadow(session, rollout, plan.shadow.share)
    unlikely = rollout.judged.get("thresholds", {}).get("unlikely")
    verdict = shadow_verdict(plan, beside(session, rollout), unlikely)
    if (judged := _judged(session, rollout, "shadow", verdict)) is not None:
        return judged
    reason = f"no worse in {verdict.found['tried']} answers that no client saw"
    verbs.end_shadow(session, rollout, actor=ACTOR, reason=reason)
    return Judged(changed=True, said=[reason])


def _judged(session: Session, rollout: Rollout, what: str, verdict: Verdict) -> Judged | None:
    """None: it may go on."""
    rollout.judged = {**rollout.judged, what: verdict.found}
    if verdict.worse is not None:
        return back(session, rollout, verdict.worse)
    return None if verdict.enough and rollout.paused_at is None else Judged()


BEFORE = {
    RolloutState.LOADING: _loading,
    RolloutState.TESTING: _testing,
    RolloutState.SHADOW: _shadow,
}
