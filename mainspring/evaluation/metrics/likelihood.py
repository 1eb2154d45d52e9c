"""How likely a version finds text that it has not learned from."""

from collections.abc import Sequence

from mainspring.evaluation.items import Item
from mainspring.evaluation.pairing import Scale, measured
from mainspring.evaluation.results import Measured


def likelihood(name: str, items: Sequence[Item], level: float) -> Measured:
    """`likelihood.<name>`. Of an item: the sum of its tokens' log-likelihoods, in nats, and as `units` how many they are.

    Where the two versions cut text into different tokens, the units are the champion's for both, so that the figures
    stay comparable: the text is the same.
    """
    return measured(Scale(f"likelihood.{name}", "nats per token"), items, level)
