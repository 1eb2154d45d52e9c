"""New examples beside replayed ones, against forgetting."""

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch.utils.data import ConcatDataset, Dataset, Subset

from mainspring.training.recipes import Replay

T = TypeVar("T")


def beside(new: Dataset[Any], old: Dataset[Any] | None, replay: Replay | None, seed: int) -> Dataset[Any]:
    """All that is new, and so many of the old that they are `share` of both."""
    if old is None or replay is None:
        return new
    return ConcatDataset([new, Subset(old, _chosen(_length(old), _length(new), replay.share, seed))])


def drawn(old: Sequence[T], new: int, replay: Replay | None, seed: int) -> list[T]:
    """So many of the old, beside so many `new` ones, that they are `share` of both."""
    if replay is None:
        return []
    return [old[at] for at in _chosen(len(old), new, replay.share, seed)]


def _chosen(old: int, new: int, share: float, seed: int) -> list[int]:
    """Places by the seed: each once before one comes twice."""
    wanted = round(new * share / (1 - share))
    places = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(old, generator=places) for _ in range(-(-wanted // old))]
    return torch.cat(orders)[:wanted].tolist() if orders else []


def _length(dataset: Any) -> int:
    return len(dataset)
