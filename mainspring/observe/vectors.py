"""Vectors as the rows keep them: half-precision numbers (IEEE 754 binary16, little-endian), 2 bytes a dimension."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # [texts, dimensions]


def packed(vectors: Vectors) -> list[bytes]:
    return [row.tobytes() for row in vectors.astype("<f2")]


def unpacked(rows: Sequence[bytes]) -> Vectors:
    """Of rows of one length; [0, 0] for none."""
    if not rows:
        return np.zeros((0, 0), np.float32)
    return np.frombuffer(b"".join(rows), "<f2").reshape(len(rows), -1).astype(np.float32)
