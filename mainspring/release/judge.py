"""What is said of a challenger at a look: worse in something, enough seen for the next step, or neither yet. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mainspring.release.evidence import Evidence
from mainspring.release.plan import RolloutPlan

SLOW = "slow"

# What can go wrong with an answer, in words. Each has its part of alpha.
TROUBLES = {
    "failed": "answers that failed",
    "blocked": "answers that were blocked",
    SLOW: "answers slower than nine of ten were before",
    "unlikely": "answers less likely than nine of ten were before",
    "disliked": "answers that people disliked",
}


@dataclass(frozen=True)
class Count:
    """Sessions, or jobs without one, that were drawn with the same share and went to the same version."""

    share: float
    challenger: bool
    units: int
    troubles: dict[str, int]


@dataclass(frozen=True)
class Moment:
    """Of `units` of both versions that were drawn with the same share, and began within the same seconds, so many were
    slow. `times`: how often that was seen."""

    share: float
    units: int
    challenger: int
    champion: int
    times: int = 1


@dataclass(frozen=True)
class Look:
    """`worse`: of which trouble there is too much; None: of none. `evidence` by trouble."""

    worse: str | None
    units: int  # that the challenger has answered in this step
    evidence: dict[str, Evidence]

    def as_json(self) -> dict[str, Any]:
        """For the row: what is needed to see why."""
        found = {
            name: {
                "challenger": one.challenger,
                "champion": one.champion,
                "log_value": round(one.log_value, 4),
            }
            for name, one in self.evidence.items()
        }
        return {"worse": self.worse, "units": self.units, "evidence": found}


def look(plan: RolloutPlan, share: float, counts: Sequence[Count], slowness: Sequence[Moment] = ()) -> Look:
    """At all that was seen since the rollout began; `share` is the one of its present step.

    Slow answers come by moments: an engine that stands still has many at once.
    """
    evidence = {name: Evidence() for name in TROUBLES}
    for count in counts:
        if 0 < count.share < 1:
            for name, times in count.troubles.items():
                evidence[name].trouble(count.share, by_challenger=count.challenger, times=times)
    for one in slowness:
        if 0 < one.share < 1:
            evidence[SLOW].moment(
                one.share, units=one.units, challenger=one.challenger, champion=one.champion, times=one.times
            )
    convicted = [name for name, one in evidence.items() if one.convicts(plan.part / len(TROUBLES))]
    worst = max(convicted, key=lambda name: evidence[name].log_value, default=None)
    units = sum(count.units for count in counts if count.challenger and count.share == share)
    return Look(worst, units, evidence)


def in_words(worse: str, found: Evidence) -> str:
    """Why it goes back."""
    return (
        f"worse than the champion: of {found.challenger + found.champion} {TROUBLES[worse]}"
        f" {found.challenger} were its own; the evidence is 1 to e^{found.log_value:.1f}"
    )
