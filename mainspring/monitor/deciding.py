"""What the alarms, the schedule and people come to for each deployment: a row, and an event when it changes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cronsim import CronSim
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.drift.decide import Decision, Facts, decide
from mainspring.errors import Conflict
from mainspring.identifiers import uuid7
from mainspring.monitor.plan import DriftPlan, drift_plan
from mainspring.registry import champion_of
from mainspring.tables import (
    Deployment,
    DriftAlarm,
    DriftDecision,
    Event,
    JobState,
    Observation,
    RequestState,
    RetrainingRequest,
    Version,
)
from mainspring.terms import AlarmKind, DriftState

ACTOR = "monitor"
_OPEN = (RequestState.PENDING.value, RequestState.TAKEN.value)


def deployments(session: Session) -> Sequence[str]:
    """Those that take jobs, by name."""
    return session.scalars(
        select(Deployment.name).where(Deployment.retired_at.is_(None)).order_by(Deployment.name)
    ).all()


def decide_for(session: Session, name: str, now: datetime) -> Decision | None:
    """One deployment. None: somebody else decides it right now, or it has no version that answers."""
    deployment = session.scalar(
        select(Deployment).where(Deployment.name == name).with_for_update(skip_locked=True, key_share=True)
    )
    champion = champion_of(session, name)
    if deployment is None or champion is None:
        return None
    alarms = _open_alarms(session, champion)
    decision = decide(_facts(session, drift_plan(deployment.policy), champion, alarms, now))
    if decision.trigger is not None:
        alarm = min(alarms, key=lambda one: one.at, default=None) if decision.trigger == "alarm" else None
        _request(session, name, decision, ACTOR, champion=champion, alarm=alarm)
    _keep(session, champion, decision, now)
    return decision


def ask(session: Session, name: str, *, actor: str, reason: str) -> RetrainingRequest:
    """A person wants it. Raises Conflict if one is under way."""
    champion = champion_of(session, name)
    session.execute(select(Deployment.name).where(Deployment.name == name).with_for_update(key_share=True))
    if pending(session, name) is not None:
        raise Conflict(
            f"a retraining of `{name}` is asked for and not done",
            remedy="See `mainspring drift`; one goes on at a time.",
        )
    decision = Decision("retrain", [reason], "person")
    made = _request(session, name, decision, actor, champion=champion)
    if champion is not None:
        _keep(session, champion, decision, datetime.now(UTC))
    return made


def pending(session: Session, name: str) -> RetrainingRequest | None:
    return session.scalar(
        select(RetrainingRequest).where(
            RetrainingRequest.deployment == name, RetrainingRequest.state.in_(_OPEN)
        )
    )


def _open_alarms(session: Session, version: Version) -> Sequence[DriftAlarm]:
    return session.scalars(
        select(DriftAlarm).where(DriftAlarm.version_id == version.id, DriftAlarm.ended_at.is_(None))
    ).all()


def _facts(
    session: Session, plan: DriftPlan, version: Version, alarms: Sequence[DriftAlarm], now: datetime
) -> Facts:
    wish = pending(session, version.deployment)
    began = {alarm.kind: alarm.since or alarm.at for alarm in alarms}
    asked_at = session.scalar(
        select(func.max(RetrainingRequest.created_at)).where(
            RetrainingRequest.deployment == version.deployment
        )
    )
    return Facts(
        now=now,
        data=began.get(AlarmKind.DATA),
        performance=began.get(AlarmKind.PERFORMANCE),
        operational=began.get(AlarmKind.OPERATIONAL),
        usable=_usable(session, version, min(began.values(), default=None)),
        minimum=plan.minimum,
        trained_at=asked_at,
        cooldown=timedelta(seconds=plan.cooldown_seconds),
        due=_due(plan, asked_at or version.stage_at, now),
        pending=() if wish is None else tuple(wish.reasons),
    )


def _usable(session: Session, version: Version, since: datetime | None) -> int:
    if since is None:
        return 0
    return (
        session.scalar(
            select(func.count()).where(
                Observation.version_id == version.id,
                Observation.at >= since,
                Observation.state == JobState.SUCCEEDED.value,
            )
        )
        or 0
    )


def _due(plan: DriftPlan, since: datetime, now: datetime) -> datetime | None:
    """The schedule's first time since then, if it has passed: what was missed is caught up once."""
    if plan.schedule is None:
        return None
    first = next(CronSim(plan.schedule, since.astimezone(UTC)), None)
    return first if first is not None and first <= now else None


def _request(
    session: Session,
    name: str,
    decision: Decision,
    actor: str,
    *,
    champion: Version | None,
    alarm: DriftAlarm | None = None,
) -> RetrainingRequest:
    made = RetrainingRequest(
        id=uuid7(),
        deployment=name,
        version_id=None if champion is None else champion.id,
        trigger=decision.trigger or "",
        alarm_id=None if alarm is None else alarm.id,
        reasons=decision.reasons,
        asked_by=actor,
    )
    session.add(made)
    inputs: dict[str, Any] = {"request": str(made.id), "trigger": made.trigger}
    if alarm is not None:
        inputs["alarm"] = str(alarm.id)
    session.add(
        Event(
            kind="retraining.requested",
            about=name if champion is None else champion.label,
            actor=actor,
            reason="; ".join(decision.reasons),
            inputs=inputs,
        )
    )
    session.flush()
    return made


def _keep(session: Session, version: Version, decision: Decision, now: datetime) -> None:
    before = session.get(DriftDecision, version.deployment)
    made = insert(DriftDecision).values(
        deployment=version.deployment,
        state=decision.state,
        reasons=decision.reasons,
        since=now,
        decided_at=now,
    )
    changed = before is None or before.state != decision.state
    session.execute(
        made.on_conflict_do_update(
            index_elements=["deployment"],
            set_={
                "state": decision.state,
                "reasons": decision.reasons,
                "decided_at": now,
                **({"since": now} if changed else {}),
            },
        )
    )
    if changed and not (before is None and decision.state == DriftState.STABLE):
        session.add(
            Event(
                kind="drift.decided",
                about=version.label,
                actor=ACTOR,
                reason="; ".join(decision.reasons),
                inputs={"state": decision.state, "before": None if before is None else before.state},
            )
        )
