"""Two versions with the same questions: what their answers to each were, what is worse, and the figures. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mainspring.release.evidence import Evidence
from mainspring.release.intervals import Figure, Kind, mean, median, metrics, share

# What can go wrong with an answer that is the other's in everything but the version. Each has its part of alpha.
TROUBLES = {"failed": "answers that failed", "unlikely": "answers less likely than nine of ten were before"}


@dataclass(frozen=True)
class Side:
    """One answer. Times in seconds, `likelihood` in nats a token; None: not known."""

    failed: bool
    tokens: int | None
    seconds: float | None
    likelihood: float | None
    right: bool | None = None


@dataclass(frozen=True)
class Pair:
    """`agreement`: how far they say the same, from 0 to 1."""

    champion: Side
    challenger: Side
    agreement: float | None


def evidence(pairs: Sequence[Pair], unlikely: float | None) -> dict[str, Evidence]:
    """Only pairs count in which one version had the trouble and the other not: of equals either is as likely to be the
    one (McNemar, Psychometrika 1947), however often one looks."""
    found = {name: Evidence() for name in TROUBLES}
    for pair in pairs:
        _tell(found["failed"], pair.champion.failed, pair.challenger.failed)
        if unlikely is not None:
            _tell(found["unlikely"], *(_below(one, unlikely) for one in (pair.champion, pair.challenger)))
    return found


def sign_test(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Of pairs (the champion did well, the challenger did well): the chance that a challenger which is no worse would
    lose as many of those that differ. For one look."""
    lost = sum(champion and not challenger for champion, challenger in pairs)
    differ = sum(champion != challenger for champion, challenger in pairs)
    ways = sum(math.comb(differ, count) for count in range(lost, differ + 1))
    return float(Fraction(ways, 2**differ))


def figures(pairs: Sequence[Pair], *, timed: bool = True) -> list[dict[str, Any]]:
    """As compare() gives them: `a` the champion, `b` the challenger.

    Not `timed`: one answered beside others and one alone, so that times are shown and neither is called better.
    """
    found = metrics(_FIGURES, [pair.champion for pair in pairs], [pair.challenger for pair in pairs])
    untold = {} if timed else {"differs": None, "b_is": None}
    return [one | untold if one["name"] in _TIMES else one for one in found]


def agreed(pairs: Sequence[Pair]) -> Figure | None:
    """The mean agreement; None: too few."""
    return mean([pair.agreement for pair in pairs if pair.agreement is not None])


def _tell(evidence: Evidence, champion: bool, challenger: bool) -> None:  # noqa: FBT001
    if champion != challenger:
        evidence.trouble(0.5, by_challenger=challenger, times=1)


def _below(side: Side, limit: float) -> bool:
    return side.likelihood is not None and side.likelihood < limit


def _known(
    value: Callable[[Side], float | None], make: Callable[[list[float]], Figure | None]
) -> Callable[[Sequence[Side]], Figure | None]:
    return lambda sides: make([found for side in sides if (found := value(side)) is not None])


def _rights(sides: Sequence[Side]) -> Figure | None:
    known = [side.right for side in sides if side.right is not None]
    return share(sum(known), len(known))


def _pace(side: Side) -> float | None:
    return side.tokens / side.seconds if side.tokens and side.seconds else None


_TIMES = {"seconds", "tokens_per_second"}
_FIGURES: dict[str, Kind[Side]] = {
    "right": ("share of answers that were as expected", True, _rights),
    "failed": (
        "share of answers that failed",
        False,
        lambda sides: share(sum(side.failed for side in sides), len(sides)),
    ),
    "seconds": ("median seconds of answering", False, _known(lambda side: side.seconds, median)),
    "tokens_per_second": ("median tokens a second of one answer", True, _known(_pace, median)),
    "length": ("mean tokens of an answer", True, _known(lambda side: side.tokens, mean)),
    "likelihood": (
        "mean log-probability of a token, or of a label or answer that was chosen, in nats",
        True,
        _known(lambda side: side.likelihood, mean),
    ),
}
