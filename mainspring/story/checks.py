"""What the story had to show, and whether it did. Pure."""

from dataclasses import dataclass

from mainspring.story.figures import Figures
from mainspring.story.scale import Demands


@dataclass(frozen=True)
class Check:
    """One thing that had to be shown. `found`: the figure, in words."""

    name: str
    holds: bool
    found: str


def checks(figures: Figures, demands: Demands) -> tuple[Check, ...]:
    """All of them have to hold."""
    gained = figures.better.difference("likelihood.new")
    lost = figures.better.difference("likelihood.old")
    old, new = figures.subjects
    former = next(iter(figures.stages), "?")
    answers, whole = figures.answers, bool(figures.audit.get("whole"))
    return (
        Check(
            f"{new} is better by at least {demands.gained} nats per token",
            gained is not None and gained >= demands.gained,
            _nats(gained),
        ),
        Check(
            f"{old} is worse by at most {demands.lost} nats per token",
            lost is not None and lost >= -demands.lost,
            _nats(lost),
        ),
        Check(
            "the better version took over by itself",
            figures.better.state == "released",
            figures.better.reason,
        ),
        Check(
            "no request failed",
            answers.failed == 0,
            f"{answers.failed} of {answers.answered + answers.failed:,}",
        ),
        Check(
            "the former version is retired",
            figures.stages.get(former) == "retired",
            f"{former} is {figures.stages.get(former)}",
        ),
        Check(
            "the gate refused what poisoned data made",
            figures.poisoned.state == "refused" and figures.poisoned.decision == "reject",
            f"the gate said {figures.poisoned.decision}, it was {figures.poisoned.state}",
        ),
        Check(
            "the log of events is whole",
            whole,
            f"{figures.audit.get('events', 0):,} events, each behind the other",
        ),
    )


def _nats(found: float | None) -> str:
    return "not measured" if found is None else f"{found:+.2f}"
