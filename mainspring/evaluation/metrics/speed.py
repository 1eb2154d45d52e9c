"""How fast a version answers, on the machine that measured it, beside the champion on the same questions in turn."""

from collections.abc import Sequence

from mainspring.evaluation.items import Item
from mainspring.evaluation.pairing import Scale, measured
from mainspring.evaluation.results import Measured


def latency(items: Sequence[Item], level: float) -> Measured:
    """`latency`: of an item the seconds that its answer took."""
    return measured(Scale("latency", "seconds", "lower"), items, level)


def throughput(items: Sequence[Item], level: float) -> Measured:
    """`throughput`: of an item the tokens that were made, and as units the seconds that they took, of each version."""
    return measured(Scale("throughput", "tokens per second"), items, level)
