"""What the gate says, as data: of each condition what was found, what was traded for what, and the decision with its reasons."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from mainspring.evaluation.results import Estimate


class Decision(StrEnum):
    ACCEPT = "accept"
    REJECT = "reject"
    NEEDS_HUMAN = "needs_human"


class State(StrEnum):
    """How a metric stands to what is asked of it."""

    HOLDS = "holds"
    FAILS = "fails"
    UNSURE = "unsure"  # the interval reaches from what would hold to what would fail
    TOO_LITTLE = "too_little"  # data to say anything
    MISSING = "missing"  # not measured, or not of both versions
    ALONE = "alone"  # there is no champion
    BROKEN = "broken"  # the challenger gave numbers that are none
    INFORMS = "informs"  # nothing is asked


@dataclass(frozen=True)
class Finding:
    """`asked`: must_not_fall, must_rise, limit or informs. `asks`: what follows from this alone.

    `gain`: the difference, turned so that more is better; of a limit the challenger's own figure, as it is. `bound`: what
    its interval has to lie above, of a limit that of a metric where less is better below. `sentence`: all of it in words.
    """

    name: str
    asked: str
    state: State
    asks: Decision
    gain: Estimate | None
    bound: float | None
    sentence: str


@dataclass(frozen=True)
class Trade:
    """One side of the scale, such as `quality`: which metrics clearly rose and which clearly fell, in words.

    `balance`: by how many margins, each counted by its weight: a margin is what a metric may fall or has to rise by.
    """

    group: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    balance: float


@dataclass(frozen=True)
class Decided:
    """`reasons`: in sentences, the decision first. `would_change`: what would have led to another decision, computed."""

    decision: Decision
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    traded: tuple[Trade, ...] = ()
    would_change: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For a row of JSON: decided_of() reads it back as it was."""
        found = asdict(self)
        return {name: list(one) if isinstance(one, tuple) else one for name, one in found.items()}


def decided_of(record: Mapping[str, Any]) -> Decided:
    """From what as_json() gives. Raises KeyError, TypeError or ValueError for anything else."""
    return Decided(
        decision=Decision(record["decision"]),
        reasons=tuple(record["reasons"]),
        findings=tuple(_finding(one) for one in record["findings"]),
        traded=tuple(_trade(one) for one in record["traded"]),
        would_change=tuple(record["would_change"]),
    )


def _finding(record: Mapping[str, Any]) -> Finding:
    gain = None if record["gain"] is None else Estimate(**record["gain"])
    own = {"gain": gain, "state": State(record["state"]), "asks": Decision(record["asks"])}
    return Finding(**(dict(record) | own))


def _trade(record: Mapping[str, Any]) -> Trade:
    return Trade(record["group"], tuple(record["gained"]), tuple(record["lost"]), record["balance"])
