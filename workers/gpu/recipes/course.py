"""The order in which examples are learned, all of it planned: one pass over exactly what the steps take."""

from typing import Any

import torch
from torch.utils.data import Dataset


class Course(Dataset[Any]):
    """`count` examples: all of `examples` in an order drawn from the seed, then again in another one, and so on.

    Place i holds the same example whoever asks, so that a resumed loop, and one in several processes, learn what an
    unbroken one learns, step by step.
    """

    def __init__(self, examples: Any, count: int, seed: int) -> None:
        self._examples, self._count, self._seed = examples, count, seed
        self._round, self._order = -1, torch.empty(0, dtype=torch.int64)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> Any:
        """Raises IndexError behind the end."""
        if not 0 <= place < self._count:
            raise IndexError(place)
        number, at = divmod(place, len(self._examples))
        if number != self._round:
            drawn = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
            self._round, self._order = number, torch.randperm(len(self._examples), generator=drawn)
        return self._examples[int(self._order[at])]


class Sample(Dataset[Any]):
    """At most so many of the examples, evenly spaced."""

    def __init__(self, examples: Any, most: int) -> None:
        self._examples = examples
        many = len(examples)
        self._places = range(many) if many <= most else [place * many // most for place in range(most)]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, place: int) -> Any:
        return self._examples[self._places[place]]
