"""What was read of the same texts, as metrics."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mainspring.evaluation.items import Item, summed
from mainspring.evaluation.metrics.calibration import BINS, error_of
from mainspring.evaluation.pairing import Scale, jackknifed, measured, of_three
from mainspring.evaluation.results import Measured
from workers.gpu.evaluating.scores import Column, Lay, Pair

TOKENS, CHAMPIONS = "nats per token", "nats per token of the champion's"


def likelihood(name: str, sources: Sequence[str], read: Sequence[Any]) -> Column:
    return Column(name, sources, read, _by_tokens(name))


def calibration(name: str, sources: Sequence[str], read: Sequence[Any]) -> Column:
    """Over all tokens: is the likeliest one the right one as often as its chance says?"""
    return Column(name, sources, read, _by_bins(name))


def _by_tokens(name: str) -> Lay:
    """Where the two have different tokens, whoever reads is told by the champion's: the text is the same, and what a
    policy tolerates stays as large as it was."""

    def lay(pairs: Sequence[Pair], level: float) -> Measured:
        items = [
            Item(one.source, one.challenger.total, one.champion and one.champion.total, _tokens(one))
            for one in pairs
        ]
        if all(one.champion is None or one.champion.digest == one.challenger.digest for one in pairs):
            return measured(Scale(name, TOKENS), items, level)
        return measured(Scale(name, CHAMPIONS), items, level, nats_per_byte=_by_bytes(pairs))

    return lay


def _by_bins(name: str) -> Lay:
    def lay(pairs: Sequence[Pair], level: float) -> Measured:
        scale = Scale(name, "difference of confidence and accuracy", "lower", 1.0)
        sources = [one.source for one in pairs]
        sides = [
            summed(sources, np.stack([made.sure.reshape(-1) for made in side]))
            for side in ([one.challenger for one in pairs], [one.champion for one in pairs])
            if side[0] is not None
        ]
        three = jackknifed(error_of, sides[0], sides[1] if len(sides) > 1 else None, level)
        return of_three(scale, three, sources, {"bins": BINS})

    return lay


def _tokens(pair: Pair) -> float:
    return float((pair.champion or pair.challenger).tokens)


def _by_bytes(pairs: Sequence[Pair]) -> dict[str, float]:
    """The same in a unit that is nobody's."""
    size = sum(one.challenger.size for one in pairs)
    return {who: sum(getattr(one, who).total for one in pairs) / size for who in ("challenger", "champion")}
