"""Whether an answer stays what it is when what was asked changes a little."""

from collections.abc import Sequence

from mainspring.evaluation.items import Item
from mainspring.evaluation.metrics.answers import words
from mainspring.evaluation.pairing import Scale, measured
from mainspring.evaluation.results import Measured


def unchanged(answer: str, others: Sequence[str]) -> float:
    """Of the answers to changed questions the share that says the same words. At least one of them is wanted."""
    said = words(answer)
    return sum(words(one) == said for one in others) / len(others)


def robustness(name: str, items: Sequence[Item], level: float) -> Measured:
    """`robustness.<name>`: of an item's changed questions the share whose answer is unchanged, of either version.

    It says nothing of whether the answers are right: who always says the same is very robust.
    """
    return measured(Scale(f"robustness.{name}", "share of answers", top=1.0), items, level)
