"""Two contestants' columns laid side by side: a figure of each, and of their difference, on the items that both could do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from mainspring.evaluation.plan import SuitePlan
from mainspring.evaluation.results import Estimate, Measured
from workers.gpu.evaluating.scores import Column, Score

BYTES = "nats per byte"


@dataclass(frozen=True)
class Pair:
    """An item that both could do; without a champion the second is the first again."""

    cluster: str
    challenger: Score
    champion: Score


def paired(
    challenger: Sequence[Column], champion: Sequence[Column] | None, plan: SuitePlan
) -> tuple[list[Measured], list[str]]:
    """And what there is to note."""
    other = None if champion is None else {column.name: column for column in champion}
    notes: list[str] = []
    measured = []
    for column in challenger:
        beside = None if other is None else other.get(column.name)
        measured.append(_measured(column, beside, plan, notes))
    return measured, notes


def _measured(one: Column, other: Column | None, plan: SuitePlan, notes: list[str]) -> Measured:
    pairs, broken = _pairs(one, other)
    left = len(one.scores) - len(pairs) - broken
    if left:
        notes.append(f"{one.name}: {left} items that not both could read")
    unit, sized = _unit(one, pairs, notes)
    details = dict(one.details) | ({"broken": broken} if broken else {})
    if one.whole:
        details["whole"] = True
    estimates = _estimates(one, [_sized(pair) for pair in pairs] if sized else pairs, plan) if pairs else {}
    return Measured(
        one.name,
        unit,
        one.better,
        estimates.get("challenger"),
        None if other is None else estimates.get("champion"),
        None if other is None else estimates.get("difference"),
        len(pairs),
        len({pair.cluster for pair in pairs}),
        details,
    )


def _pairs(one: Column, other: Column | None) -> tuple[list[Pair], int]:
    """And how many of the challenger's items broke."""
    beside = one.scores if other is None else other.scores
    pairs, broken = [], 0
    for cluster, mine, theirs in zip(one.clusters, one.scores, beside, strict=True):
        if mine is not None and not isfinite(mine.total):
            broken += 1
        elif mine is not None and theirs is not None and isfinite(theirs.total):
            pairs.append(Pair(cluster, mine, theirs))
    return pairs, broken


def _unit(one: Column, pairs: Sequence[Pair], notes: list[str]) -> tuple[str, bool]:
    """Tokens are a measure for two only where both read the same ones; else the text's own length is."""
    if not any(pair.challenger.read for pair in pairs):
        return one.unit, False
    if all(pair.challenger.read == pair.champion.read for pair in pairs):
        return one.unit, False
    notes.append(f"{one.name}: the two divide texts into different tokens, so it is told by bytes")
    return BYTES, True


def _sized(pair: Pair) -> Pair:
    mine, theirs = pair.challenger, pair.champion
    return Pair(pair.cluster, Score(mine.total, mine.size), Score(theirs.total, theirs.size))


def _estimates(one: Column, pairs: Sequence[Pair], plan: SuitePlan) -> Mapping[str, Estimate]:
    import numpy as np

    clusters = sorted({pair.cluster for pair in pairs})
    number = {name: at for at, name in enumerate(clusters)}
    at = np.array([number[pair.cluster] for pair in pairs])
    sides = {}
    if one.figure is None:
        for who in ("challenger", "champion"):
            scores = [getattr(pair, who) for pair in pairs]
            sides[who] = [
                np.bincount(at, [getattr(s, n) for s in scores], len(clusters)) for n in ("total", "weight")
            ]
    by = [np.flatnonzero(at == k) for k in range(len(clusters))]
    rng = np.random.default_rng(plan.seed)

    def figures(picked: Any) -> list[float]:
        found = []
        for who in ("challenger", "champion"):
            if one.figure is None:
                t, w = sides[who]
                found.append(float(t[picked].sum() / w[picked].sum()))
            else:
                rows = np.concatenate([by[k] for k in picked])
                found.append(one.figure([getattr(pairs[i], who).seen for i in rows]))
        return [*found, found[0] - found[1]]

    point = figures(np.arange(len(clusters)))
    drawn = np.array([figures(rng.integers(len(clusters), size=len(clusters))) for _ in range(500)])
    low, high = np.quantile(drawn, [(1 - plan.level) / 2, (1 + plan.level) / 2], axis=0)
    return {
        name: Estimate(point[i], float(low[i]), float(high[i]))
        for i, name in enumerate(("challenger", "champion", "difference"))
    }
