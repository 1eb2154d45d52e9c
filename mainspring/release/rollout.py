"""The verbs of a rollout. Each is one transaction that begins with the deployment's lock, so one happens at a time."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.errors import Conflict, InvalidRequest, UnknownRollout
from mainspring.identifiers import uuid7
from mainspring.lifecycle import advance, has_been_in_production
from mainspring.registry import champion_of, lock, refuse_deleted, refuse_retired
from mainspring.registry import release as take_over
from mainspring.release.moving import move
from mainspring.release.plan import RolloutPlan
from mainspring.tables import Event, Rollout, RolloutState, Stage, Version
from mainspring.trials import asking, prompts

_TOWARDS = {
    Stage.REGISTERED: (Stage.TESTING, Stage.STAGING),
    Stage.TESTING: (Stage.STAGING,),
    Stage.STAGING: (),
}


def begin(
    session: Session, version: Version, plan: RolloutPlan | None, *, actor: str, reason: str
) -> Rollout | None:
    """Begin to move traffic to a version; None: it took over at once, since there is nothing to compare it with.

    Raises DeploymentRetired, IllegalTransition, Conflict while another rollout is open.
    """
    refuse_retired(lock(session, version.deployment))
    session.refresh(version)
    refuse_deleted(version)
    if version.stage == Stage.PRODUCTION:
        return None
    if (open_one := current(session, version.deployment)) is not None:
        if open_one.challenger_id == version.id:
            return open_one
        raise Conflict(
            f"the rollout of {session.get_one(Version, open_one.challenger_id).label} is still open",
            field="version",
            remedy="Promote it, roll it back or abort it first.",
        )
    champion = champion_of(session, version.deployment)
    known = has_been_in_production(session, version)
    if champion is not None and not known and version.stage in (Stage.DRAINING, Stage.RETIRED):
        raise Conflict(
            f"{version.label} left before it had been in production",
            field="version",
            remedy="Register the same model again: it gets another number.",
        )
    if champion is None or plan is None or not plan.steps or known:
        _climb(session, version, actor, reason)
        take_over(session, version, actor=actor, reason=reason)
        return None
    return _start(session, version, champion, plan, actor=actor, reason=reason)


def _start(
    session: Session, version: Version, champion: Version, plan: RolloutPlan, *, actor: str, reason: str
) -> Rollout:
    """The version goes as far as it may without an answer, and the rollout's row is there."""
    if plan.prompts is not None:
        prompts.named(session, version.deployment, plan.prompts)
    for stage in _TOWARDS.get(Stage(version.stage), (Stage.STAGING,)):
        if stage is Stage.STAGING and plan.prompts is not None:
            break  # once it is tested
        advance(session, version, stage, actor=actor, reason=reason)
    rollout = Rollout(
        id=uuid7(),
        deployment=version.deployment,
        challenger_id=version.id,
        champion_id=champion.id,
        plan=plan.model_dump(mode="json"),
        reason=reason,
    )
    session.add(rollout)
    session.flush()
    _tell(session, rollout, "begun", actor, reason, champion=champion.label, challenger=version.label)
    return rollout


def current(session: Session, deployment: str) -> Rollout | None:
    """The open one."""
    return session.scalar(select(Rollout).where(Rollout.deployment == deployment, Rollout.ended_at.is_(None)))


def opened(session: Session, rollout_id: UUID) -> Rollout:
    """Locked with its deployment. Raises UnknownRollout, Conflict if it has ended."""
    found = session.get(Rollout, rollout_id)
    if found is None:
        raise UnknownRollout("no rollout has that id", field="id", remedy="List a deployment's rollouts.")
    lock(session, found.deployment)
    session.refresh(found)
    if found.ended_at is not None:
        raise Conflict(f"this rollout was {_said(found)}", remedy="Begin another one.")
    return found


def to_testing(session: Session, rollout: Rollout, *, actor: str, reason: str) -> None:
    """Ask both versions for the plan's prompts."""
    plan = RolloutPlan.model_validate(rollout.plan)
    assert plan.prompts is not None
    wanted = prompts.named(session, rollout.deployment, plan.prompts)
    for version in (rollout.champion_id, rollout.challenger_id):
        asking.prompts(session, session.get_one(Version, version), wanted)
    inputs = {"prompts": plan.prompts, "digest": wanted.digest}
    _enter(session, rollout, RolloutState.TESTING)
    _tell(session, rollout, "testing", actor, reason, **inputs)


def to_staging(session: Session, rollout: Rollout, *, actor: str, reason: str) -> None:
    """The prompts were answered well enough: workers of the staging environment load it."""
    challenger = session.get_one(Version, rollout.challenger_id)
    advance(
        session, challenger, Stage.STAGING, actor=actor, reason=reason, inputs={"digest": challenger.digest}
    )
    _enter(session, rollout, RolloutState.LOADING)
    _tell(session, rollout, "tested", actor, reason, judged=rollout.judged)


def to_shadow(session: Session, rollout: Rollout, *, actor: str, reason: str) -> None:
    """From now on it answers a sample of what the champion answers, where nobody sees it."""
    _enter(session, rollout, RolloutState.SHADOW)
    _tell(session, rollout, "shadow", actor, reason)


def end_shadow(session: Session, rollout: Rollout, *, actor: str, reason: str) -> None:
    """Enough was seen: workers of the production environment load it."""
    rollout.shadowed_at = session.scalars(select(func.clock_timestamp())).one()
    _enter(session, rollout, RolloutState.LOADING)
    _tell(session, rollout, "shadowed", actor, reason, judged=rollout.judged)


def to_step(session: Session, rollout: Rollout, step: int, *, actor: str, reason: str) -> None:
    """Give the challenger the share of this step of the plan."""
    plan = RolloutPlan.model_validate(rollout.plan)
    if rollout.state == RolloutState.LOADING:
        challenger = session.get_one(Version, rollout.challenger_id)
        advance(session, challenger, Stage.CANARY, actor=actor, reason=reason)
    rollout.state = RolloutState.CANARY.value
    rollout.step, rollout.share = step, plan.steps[step]
    rollout.step_at = session.scalars(select(func.clock_timestamp())).one()
    session.flush()
    _tell(session, rollout, "stepped", actor, reason, step=step, share=rollout.share, judged=rollout.judged)


def replan(session: Session, rollout: Rollout, plan: RolloutPlan, *, actor: str, reason: str) -> None:
    """It goes on by another plan; if it had a share already, with that plan's first. What was seen still counts.

    The prompts and the shadow stay those that it was begun with. Raises InvalidRequest for a plan without steps.
    """
    if not plan.steps:
        raise InvalidRequest(
            "a rollout that is open needs steps",
            field="plan.steps",
            remedy="Promote it instead, or give such as [0.1].",
        )
    before = rollout.plan
    rollout.plan = plan.model_dump(mode="json") | {name: before.get(name) for name in ("prompts", "shadow")}
    _tell(session, rollout, "replanned", actor, reason, **{"from": before, "to": rollout.plan})
    if rollout.state in (RolloutState.CANARY, RolloutState.WAITING):
        to_step(session, rollout, 0, actor=actor, reason=reason)


def wait_for_approval(session: Session, rollout: Rollout, *, actor: str, reason: str) -> None:
    """Its last step is done; a person promotes it or not."""
    rollout.state = RolloutState.WAITING.value
    session.flush()
    _tell(session, rollout, "waiting", actor, reason, judged=rollout.judged)


def promote(session: Session, rollout: Rollout, *, actor: str, reason: str) -> None:
    """The challenger answers everything new; the former champion drains."""
    challenger = session.get_one(Version, rollout.challenger_id)
    _climb(session, challenger, actor, reason)
    _end(session, rollout, RolloutState.PROMOTED)
    take_over(session, challenger, actor=actor, reason=reason)
    _tell(session, rollout, "promoted", actor, reason, judged=rollout.judged)


def _climb(session: Session, version: Version, actor: str, reason: str) -> None:
    """Through the stages that are left until production."""
    for before, after in ((Stage.TESTING, Stage.STAGING), (Stage.STAGING, Stage.CANARY)):
        if version.stage == before:
            advance(session, version, after, actor=actor, reason=reason)


def roll_back(
    session: Session,
    rollout: Rollout,
    *,
    actor: str,
    reason: str,
    state: RolloutState = RolloutState.ROLLED_BACK,
) -> int:
    """The challenger answers nothing more, what waits for it goes to the champion: how many jobs."""
    challenger = session.get_one(Version, rollout.challenger_id)
    _end(session, rollout, state)
    advance(session, challenger, Stage.REJECTED, actor=actor, reason=reason)
    moved = move(session, challenger.id, rollout.champion_id)
    told = {"moved": moved.jobs, "sessions": moved.sessions, "judged": rollout.judged}
    _tell(session, rollout, state.value, actor, reason, **told)
    return moved.jobs


def pause(session: Session, rollout: Rollout, *, paused: bool, actor: str, reason: str) -> None:
    """No further step until it is resumed; what is worse is rolled back all the same. Twice changes nothing."""
    if paused == (rollout.paused_at is not None):
        return
    rollout.paused_at = session.scalars(select(func.clock_timestamp())).one() if paused else None
    session.flush()
    _tell(session, rollout, "paused" if paused else "resumed", actor, reason)


def _enter(session: Session, rollout: Rollout, state: RolloutState) -> None:
    """What comes before the first share."""
    rollout.state = state.value
    rollout.step_at = session.scalars(select(func.clock_timestamp())).one()
    session.flush()


def _end(session: Session, rollout: Rollout, state: RolloutState) -> None:
    now = session.scalars(select(func.clock_timestamp())).one()
    rollout.state, rollout.ended_at = state.value, now
    rollout.share = 1.0 if state is RolloutState.PROMOTED else 0.0
    session.flush()


def _tell(session: Session, rollout: Rollout, what: str, actor: str, reason: str, **inputs: object) -> None:
    session.add(
        Event(
            kind=f"rollout.{what}",
            about=rollout.deployment,
            actor=actor,
            reason=reason,
            inputs={"rollout": str(rollout.id), **inputs},
        )
    )
    session.flush()


def _said(rollout: Rollout) -> str:
    return rollout.state.replace("_", " ")
