"""The arrays that detectors speak in, and how a detector's state becomes arrays: no pickle, ever."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]
Counts = NDArray[np.int64]
State = dict[str, NDArray[Any]]


def within(prefix: str, state: Mapping[str, NDArray[Any]]) -> State:
    """A part's state under a name of its own."""
    return {f"{prefix}.{name}": array for name, array in state.items()}


def part(prefix: str, state: Mapping[str, NDArray[Any]]) -> State:
    """The inverse of within()."""
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in state.items() if name.startswith(start)}
