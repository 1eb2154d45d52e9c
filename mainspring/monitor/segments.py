"""Parts of a version's traffic that are watched by themselves too: those of a language, or of a tenant."""

import numpy as np
from numpy.typing import NDArray

from mainspring.monitor.arrays import Arrays
from mainspring.monitor.batch import Batch
from mainspring.monitor.features import LEAST_IN_SEGMENT, MOST_SEGMENTS, MOST_SHARE, SEGMENTED


def labels(batch: Batch, place: int) -> list[str]:
    """What a request belongs to; empty: nothing is known of it in that respect."""
    language, tenant = batch.languages[place], batch.tenants[place]
    return [f"language={language}" if language else "", f"tenant={tenant}" if tenant else ""]


def fits(batch: Batch, place: int, segment: str) -> bool:
    return segment in labels(batch, place)


def segments(reference: Arrays) -> list[tuple[str, NDArray[np.generic]]]:
    """The largest that are not nearly everything, each with its rows of the reference."""
    if SEGMENTED not in reference or "segments" not in reference:
        return []
    rows, members = reference[SEGMENTED], reference["segments"]
    named, counts = np.unique(members, return_counts=True)
    fit = [
        (-int(count), str(name))
        for name, count in zip(named, counts, strict=True)
        if name and LEAST_IN_SEGMENT <= count <= MOST_SHARE * len(rows)
    ]
    return [(name, rows[(members == name).any(axis=1)]) for _, name in sorted(fit)[:MOST_SEGMENTS]]
