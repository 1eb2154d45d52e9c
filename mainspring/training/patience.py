"""When a loop has stopped getting better, by the held-out losses that were seen in it."""

from collections.abc import Sequence
from typing import NamedTuple


class Seen(NamedTuple):
    """A look: after which step, and the held-out loss."""

    step: int
    loss: float


def best(seen: Sequence[Seen]) -> Seen | None:
    """The lowest, the earliest among equals; one that is no number never is."""
    return min((one for one in seen if one.loss == one.loss), key=lambda one: one.loss, default=None)


def exhausted(seen: Sequence[Seen], patience: int | None) -> bool:
    """Whether the last `patience` looks have all brought nothing better; with None, never."""
    if patience is None or len(seen) <= patience:
        return False
    found = best(seen)
    return found is None or sum(one.step > found.step for one in seen) >= patience
