"""Two contestants' columns laid side by side, on the items that both could make something of."""

from collections.abc import Sequence
from dataclasses import replace

from mainspring.evaluation.results import Measured
from workers.gpu.evaluating.scores import Broken, Column, Pair


def paired(
    challenger: Sequence[Column], champion: Sequence[Column] | None, level: float
) -> tuple[list[Measured], list[str]]:
    """The challenger's metrics, and what there is to note. `champion` None: there is none."""
    other = None if champion is None else {column.name: column for column in champion}
    measured, notes = [], []
    for column in challenger:
        beside = None if other is None else other.get(column.name)
        pairs, broken, left = _pairs(column, beside)
        if left:
            notes.append(f"{column.name}: {left} items could not be read by {'both' if beside else 'it'}")
        found = column.lay(pairs, level) if pairs else Measured(column.name, "", "higher", None)
        details = found.details | column.details | ({"broken": broken} if broken else {})
        measured.append(replace(found, details=details))
    return measured, notes


def _pairs(one: Column, other: Column | None) -> tuple[list[Pair], int, int]:
    """And at how many items the challenger's numbers broke, and how many are left out for other reasons."""
    pairs, broken, left = [], 0, 0
    beside = [None] * len(one.made) if other is None else other.made
    for source, mine, theirs in zip(one.sources, one.made, beside, strict=True):
        if isinstance(mine, Broken):
            broken += 1
        elif mine is None or isinstance(theirs, Broken) or (theirs is None and other is not None):
            left += 1
        else:
            pairs.append(Pair(source, mine, theirs))
    return pairs, broken, left
