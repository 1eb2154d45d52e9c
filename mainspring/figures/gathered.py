"""All that was counted of one span of time, and how two spans become one. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mainspring.figures.moments import Moments, merged


@dataclass(frozen=True)
class Gathered:
    """`counts`: of requests, tokens, sessions, by name. `tallies`: of requests by their state, the reason for which they
    finished, their language, and by classes of seconds, see histogram.py. `means`: of what was measured; `said`: of what
    people and the world said of the answers, by kind, of an outcome as `outcome:name`.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    tallies: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    means: Mapping[str, Moments] = field(default_factory=dict)
    said: Mapping[str, Moments] = field(default_factory=dict)


def together(parts: Iterable[Gathered]) -> Gathered:
    """Of all the spans, none of which overlap."""
    listed = list(parts)
    if len(listed) == 1:
        return listed[0]
    kinds = {kind for part in listed for kind in part.tallies}
    return Gathered(
        _added(part.counts for part in listed),
        {kind: _added(part.tallies.get(kind, {}) for part in listed) for kind in kinds},
        _means(part.means for part in listed),
        _means(part.said for part in listed),
    )


def moments_of(stored: Mapping[str, list[Any]]) -> dict[str, Moments]:
    return {name: Moments.of_json(one) for name, one in stored.items()}


def as_stored(means: Mapping[str, Moments]) -> dict[str, Any]:
    return {name: one.as_json() for name, one in means.items()}


def _added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: defaultdict[str, int] = defaultdict(int)
    for part in parts:
        for name, count in part.items():  # Counter.update takes half as long again
            total[name] += count
    return dict(total)


def _means(parts: Iterable[Mapping[str, Moments]]) -> dict[str, Moments]:
    found: dict[str, list[Moments]] = {}
    for part in parts:
        for name, one in part.items():
            found.setdefault(name, []).append(one)
    return {name: merged(ones) for name, ones in found.items()}
