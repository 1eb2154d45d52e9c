"""Which of two answers a judge finds better, who knows neither whose they are nor that it is asked twice."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mainspring.evaluation.items import ONE_BY_ONE, Item
from mainspring.evaluation.pairing import Scale, measured
from mainspring.evaluation.results import Measured

_HEARD = re.compile(
    r"\W*(?:the )?(?:better )?(?:answer|verdict|winner)?(?: is)?\W*(a|b|tie)\W*", re.IGNORECASE
)
_QUESTION = """Two assistants were asked the same. Which answer is better: more correct, more helpful, to the point?

[Question]
{asked}

[Answer A]
{first}

[Answer B]
{second}

Say A, B or tie, and nothing else."""


class Order(StrEnum):
    """Whose answer is shown first."""

    CHALLENGER_FIRST = "challenger_first"
    CHAMPION_FIRST = "champion_first"


class Heard(StrEnum):
    """What the judge said: the first is better, the second, neither; or nothing that can be understood."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Asked:
    """What it said of the same two answers in both orders."""

    challenger_first: Heard
    champion_first: Heard
    source: str = ONE_BY_ONE


def question(asked: str, challenger: str, champion: str, order: Order) -> str:
    """What the judge is asked."""
    first, second = (challenger, champion) if order is Order.CHALLENGER_FIRST else (champion, challenger)
    return _QUESTION.format(asked=asked, first=first, second=second)


def heard(said: str) -> Heard:
    """By its first line or else its last, if that says nothing but A, B or tie."""
    lines = [line for line in said.splitlines() if line.strip()]
    for line in lines[:1] + lines[-1:]:
        if (found := _HEARD.fullmatch(line)) is not None:
            return {"a": Heard.FIRST, "b": Heard.SECOND}.get(found[1].lower(), Heard.TIE)
    return Heard.NOTHING


def prefers(order: Order, said: Heard) -> int:
    """1: the challenger, -1: the champion, 0: neither."""
    if said in (Heard.TIE, Heard.NOTHING):
        return 0
    return 1 if (said is Heard.FIRST) == (order is Order.CHALLENGER_FIRST) else -1


def outcome(asked: Asked) -> int:
    """1 or -1 if it preferred the same one in both orders; 0: a tie, as is who changes its mind with the order."""
    first = prefers(Order.CHALLENGER_FIRST, asked.challenger_first)
    second = prefers(Order.CHAMPION_FIRST, asked.champion_first)
    return first if first == second else 0


def judge(comparisons: Sequence[Asked], level: float) -> Measured:
    """`judge`: the share of comparisons that each won; the difference is what counts. A judge that understood nothing of
    what it was asked in either order is not counted as one that found them equal."""
    understood = [
        one for one in comparisons if Heard.NOTHING not in (one.challenger_first, one.champion_first)
    ]
    outcomes = [outcome(one) for one in understood]
    items = [
        Item(one.source, float(found == 1), float(found == -1))
        for one, found in zip(understood, outcomes, strict=True)
    ]
    swayed = sum(
        one.challenger_first is one.champion_first and one.challenger_first is not Heard.TIE
        for one in understood
    )
    details = {
        "ties": outcomes.count(0),
        "swayed_by_order": swayed,
        "not_understood": len(comparisons) - len(understood),
    }
    return measured(Scale("judge", "share of comparisons", top=1.0), items, level, **details)
