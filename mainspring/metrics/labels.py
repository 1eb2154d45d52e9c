"""Labels of bounded number: each is a time series for ever in whatever scrapes it.

Deployments and versions alone, never a job, a session, a tenant or a client's text.
"""

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar


class Labels(NamedTuple):
    """`version` as clients see it: `assistant@7`."""

    deployment: str
    version: str


OTHER = Labels("other", "other")
MOST = 200  # versions that one process tells apart

T = TypeVar("T", bound=Hashable)


class Bounded(Generic[T]):
    """The first `most` values stay what they are; whatever comes while these are known is `other`."""

    def __init__(self, other: T, most: int = MOST) -> None:
        self._other, self._most = other, most
        self._known: set[T] = set()

    def __call__(self, value: T) -> T:
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return self._other
        self._known.add(value)
        return value

    def forget(self, value: T) -> None:
        self._known.discard(value)
