"""What one contestant made of each item of a set, before it is laid beside the other's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mainspring.evaluation.results import Better


@dataclass(frozen=True, slots=True)
class Score:
    """Of one item. A figure is the sum of all `total` by the sum of all `weight`; a `total` that is no finite number is
    one that the model's numbers broke at.

    `size`: of the text that was scored, in bytes, and `read`: which tokens it was, by their digest; for contestants whose
    tokens differ. `seen`: what a figure is made of that is no such ratio.
    """

    total: float
    weight: float = 1.0
    size: float = 0.0
    read: int = 0
    seen: Any = None


Figure = Callable[[Sequence[Any]], float]


@dataclass(frozen=True)
class Column:
    """A metric of one contestant, an entry an item in the set's order; None: it could make nothing of the item.

    `figure`: of what was `seen`, where it is no ratio. `whole`: these items are all there is. `details`: as JSON.
    """

    name: str
    unit: str
    better: Better
    clusters: Sequence[str]
    scores: Sequence[Score | None]
    figure: Figure | None = None
    whole: bool = False
    details: dict[str, Any] = field(default_factory=dict)
