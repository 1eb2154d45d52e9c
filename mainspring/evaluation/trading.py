"""What was traded for what: by groups of metrics, what clearly rose and what clearly fell, and how much each weighs."""

from collections.abc import Sequence

from mainspring.evaluation.conditions import Condition
from mainspring.evaluation.verdict import Trade
from mainspring.evaluation.words import signed

MOST = 3.0  # margins that one metric counts for: none makes up for everything
_GROUPS = {
    "calibration": "reliability",
    "robustness": "reliability",
    "safety": "safety",
    "fairness": "fairness",
    "latency": "speed",
    "throughput": "speed",
}


def group_of(metric: str) -> str:
    """Of a metric whose rule names none: what is no other is about the quality of answers."""
    return _GROUPS.get(metric, "quality")


def trades(conditions: Sequence[Condition]) -> tuple[Trade, ...]:
    """Of the groups in which something clearly changed: the interval of its difference does not hold 0."""
    found: dict[str, list[tuple[Condition, float]]] = {}
    for one in conditions:
        gain = one.found.gain
        if (
            gain is not None
            and gain.low is not None
            and gain.high is not None
            and (gain.low > 0 or gain.high < 0)
        ):
            group = one.rule.group or group_of(one.found.metric)
            found.setdefault(group, []).append((one, gain.value))
    return tuple(_trade(group, changes) for group, changes in sorted(found.items()))


def told(made: Sequence[Trade]) -> str | None:
    """In a sentence. None: nothing clearly changed."""
    gained = [f"{one.group} ({', '.join(one.gained)})" for one in made if one.gained]
    lost = [f"{one.group} ({', '.join(one.lost)})" for one in made if one.lost]
    parts = [
        *([f"gained in {', '.join(gained)}"] if gained else []),
        *([f"lost in {', '.join(lost)}"] if lost else []),
    ]
    return f"It {'; it '.join(parts)}." if parts else None


def _trade(group: str, changes: Sequence[tuple[Condition, float]]) -> Trade:
    return Trade(
        group=group,
        gained=tuple(_word(one) for one, gain in changes if gain > 0),
        lost=tuple(_word(one) for one, gain in changes if gain < 0),
        balance=sum(one.rule.weighs * _margins(one.margin, gain) for one, gain in changes),
    )


def _margins(margin: float | None, gain: float) -> float:
    """What may be lost or has to be gained is one; of a metric without such a margin each change is one."""
    sign = 1.0 if gain > 0 else -1.0
    return max(-MOST, min(MOST, gain / margin)) if margin else sign


def _word(one: Condition) -> str:
    difference = one.found.difference
    return (
        one.found.name
        if difference is None
        else f"{one.found.name} {signed(difference.value)} {one.found.unit}"
    )
