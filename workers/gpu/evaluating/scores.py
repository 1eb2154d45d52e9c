"""What one contestant made of each item of a set, before it is laid beside the other's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mainspring.evaluation.items import Item
from mainspring.evaluation.metrics.answers import Answer
from mainspring.evaluation.metrics.calibration import Judged, Sure, calibration
from mainspring.evaluation.pairing import Scale, measured
from mainspring.evaluation.results import Measured


class Broken:
    """The model's numbers were none."""


BROKEN = Broken()


@dataclass(frozen=True, slots=True)
class Score:
    """Of one item: a figure is the sum of all `total` by the sum of all `weight`."""

    total: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Pair:
    """What was made of an item that both could do; `champion` None: there is none."""

    source: str
    challenger: Any
    champion: Any = None


Lay = Callable[[Sequence[Pair], float], Measured]


@dataclass(frozen=True)
class Column:
    """A metric of one contestant: what was `made`, an entry an item in the set's order; None: it could make nothing of it.

    `lay`: makes pairs of such entries a metric, at a level. `details`: what else was noticed, as JSON.
    """

    name: str
    sources: Sequence[str]
    made: Sequence[Any]
    lay: Lay
    details: dict[str, Any] = field(default_factory=dict)


def by_score(scale: Scale, **details: Any) -> Lay:
    """Of entries that are scores, each by a weight of its own."""

    def lay(pairs: Sequence[Pair], level: float) -> Measured:
        return measured(scale, [_item(pair) for pair in pairs], level, **details)

    return lay


def _item(pair: Pair) -> Item:
    mine, theirs = pair.challenger, pair.champion
    if theirs is None:
        return Item(pair.source, mine.total, None, mine.weight)
    return Item(pair.source, mine.total, theirs.total, mine.weight, theirs.weight)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer beside what was `expected`. `sure`: how sure it was of it, from 0 to 1."""

    expected: str
    said: str
    sure: float = 1.0


def by_answers(measure: Callable[[str, Sequence[Answer], float], Measured], name: str) -> Lay:
    """Of entries that say what was said. `name`: of the set."""

    def lay(pairs: Sequence[Pair], level: float) -> Measured:
        return measure(name, [_answer(pair) for pair in pairs], level)

    return lay


def by_calibration(name: str) -> Lay:
    """Of the same entries."""

    def lay(pairs: Sequence[Pair], level: float) -> Measured:
        return calibration(
            name, [Judged(_sure(one.challenger), _sure(one.champion), one.source) for one in pairs], level
        )

    return lay


def _answer(pair: Pair) -> Answer:
    mine, theirs = pair.challenger, pair.champion
    return Answer((mine.expected,), mine.said, theirs and theirs.said, pair.source)


def _sure(said: Any) -> Any:
    return None if said is None else Sure(min(1.0, said.sure), said.said == said.expected)
