"""Successive halving: which candidates train for how long, so that most of a budget goes to the best ones.

Jamieson & Talwalkar, Non-stochastic best arm identification and hyperparameter optimization (2016): rounds of equal cost,
of which each keeps the better part. It is the inner loop of Hyperband (Li et al. 2018).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from mainspring.errors import InvalidRequest


@dataclass(frozen=True)
class Rung:
    """So many `candidates` train until they have done `steps` in all, and the best `keep` go on."""

    candidates: int
    steps: int
    keep: int


def rungs(candidates: int, budget: int, *, keep_one_in: int = 2) -> tuple[Rung, ...]:
    """A plan for steps of `budget` in all; what a candidate has done in one rung counts in the next.

    Raises InvalidRequest when the budget does not give every candidate a step.
    """
    sizes = [candidates]
    while sizes[-1] > 1:
        sizes.append(max(1, sizes[-1] // keep_one_in))
    rounds = max(1, len(sizes) - 1)
    plan: list[Rung] = []
    steps = 0
    for size, keep in zip(sizes[:rounds], [*sizes[1:], 1][:rounds], strict=True):
        steps += budget // (size * rounds)
        plan.append(Rung(size, steps, keep))
    if not plan[0].steps:
        raise InvalidRequest(
            f"{budget} steps are too few to try {candidates} candidates",
            field="parameters.steps",
            remedy=f"Give at least {candidates * rounds}, or fewer candidates.",
        )
    return tuple(plan)


def survivors(scores: Mapping[str, Sequence[float]], keep: int) -> list[str]:
    """The `keep` names of the highest scores, best first, by their first number, then by the next; among equals the one
    named first. What has something that is no number comes last."""
    sound = [name for name, score in scores.items() if all(map(isfinite, score))]
    others = [name for name in scores if name not in sound]
    return [*sorted(sound, key=lambda name: [-part for part in scores[name]]), *others][:keep]
