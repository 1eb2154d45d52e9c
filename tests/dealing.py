"""How test files are dealt to test processes that run side by side: a file to one of them, what takes long first.

The story is told by one process, on one stack: a second stack would take longer to start than the other half takes to tell.
"""

from collections.abc import Iterable

import pytest
from xdist.scheduler import LoadFileScheduling

STORY = "tests/story/"
# By how long one file of them takes: at the end there are only short ones, and no process is left alone with a long one.
LONG = (STORY, "tests/contract/", "tests/core/test_local", "tests/workers/", "tests/tracing/")


class Dealing(LoadFileScheduling):
    """In the order in which tests were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return STORY if nodeid.startswith(STORY) else super()._split_scope(nodeid)


def long_ones_first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    return sorted(
        items,
        key=lambda item: next(
            (rank for rank, at in enumerate(LONG) if item.nodeid.startswith(at)), len(LONG)
        ),
    )
