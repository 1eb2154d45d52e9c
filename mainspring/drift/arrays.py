"""The arrays that detectors speak in, and how a detector's state becomes arrays: no pickle, ever."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]
Halves = NDArray[np.float16]
Counts = NDArray[np.int64]
State = dict[str, NDArray[Any]]
T = TypeVar("T", bound="DataclassInstance")


def saved(whole: "DataclassInstance") -> State:
    """A dataclass of numbers and arrays as arrays of its own. What is None is left out."""
    found = {one.name: getattr(whole, one.name) for one in fields(whole)}
    return {name: np.array(value) for name, value in found.items() if value is not None}


def restored(kind: type[T], state: Mapping[str, NDArray[Any]]) -> T:
    """The inverse of saved()."""
    return kind(**{name: one.copy() if one.ndim else one.item() for name, one in state.items()})


def within(prefix: str, state: Mapping[str, NDArray[Any]]) -> State:
    """A part's state under a name of its own."""
    return {f"{prefix}.{name}": array for name, array in state.items()}


def part(prefix: str, state: Mapping[str, NDArray[Any]]) -> State:
    """The inverse of within()."""
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in state.items() if name.startswith(start)}
