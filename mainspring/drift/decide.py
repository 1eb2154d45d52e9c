"""Is a deployment stable, to be watched, or to be trained anew? Pure: the same facts give the same decision and reasons."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Facts:
    """What is known at `now`. Alarms are those that are open, by kind; `usable`: requests since the oldest of them began.

    `trained_at`: when a retraining was last asked for. `due`: a schedule's time
    that has passed since then. `asked`: somebody wants it, with the reason. `pending`: why a
    retraining is under way, if one is.
    """

    now: datetime
    data: datetime | None = None
    performance: datetime | None = None
    operational: datetime | None = None
    usable: int = 0
    minimum: int = 0
    trained_at: datetime | None = None
    cooldown: timedelta = timedelta()
    due: datetime | None = None
    asked: str | None = None
    pending: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """`state`: stable, watch or retrain. `trigger`: alarm, schedule or person, if it is to be trained anew."""

    state: str
    reasons: list[str] = field(default_factory=list)
    trigger: str | None = None


def decide(facts: Facts) -> Decision:
    """A person's wish goes before everything, then the schedule, then alarms; one retraining at a time."""
    if facts.pending:
        return Decision("retrain", [*facts.pending, "a retraining is asked for and not done"])
    if facts.asked is not None:
        return Decision("retrain", [facts.asked], "person")
    if facts.due is not None:
        return Decision(
            "retrain", [f"the schedule's time {facts.due:%Y-%m-%d %H:%M} UTC has come"], "schedule"
        )
    learnable = {
        kind: at for kind, at in (("data", facts.data), ("performance", facts.performance)) if at is not None
    }
    if not learnable:
        if facts.operational is not None:
            return Decision("watch", ["how it is served has changed, which no training mends"])
        return Decision("stable", ["no alarm is open"])
    reasons = [f"{kind} drift since {at:%Y-%m-%d %H:%M} UTC" for kind, at in learnable.items()]
    held = _held_back(facts)
    return Decision("watch", reasons + held) if held else Decision("retrain", reasons, "alarm")


def _held_back(facts: Facts) -> list[str]:
    """Why an alarm does not lead to a retraining yet."""
    held = []
    if facts.usable < facts.minimum:
        held.append(f"{facts.usable} requests since then, and the policy wants {facts.minimum} to learn from")
    if facts.trained_at is not None and facts.now < facts.trained_at + facts.cooldown:
        until = facts.trained_at + facts.cooldown
        held.append(f"the cool-down lasts until {until:%Y-%m-%d %H:%M} UTC")
    return held
