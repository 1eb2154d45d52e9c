"""The stack that a benchmark asks: the one that runs in this home, or one of its own that is gone afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mainspring.local.services import healthy
from mainspring.local.starter import starters
from mainspring.settings import Settings
from tests.faults.stack import Stack


@contextmanager
def stack() -> Iterator[Settings]:
    """With a deployment `embedder`. Its own stack is made in a temporary home, on a free port."""
    settings = Settings()
    if healthy(settings):
        yield settings
        return
    print("no stack runs in this home: one is started for the measurement")
    embedder = starters()[0]
    with tempfile.TemporaryDirectory(prefix="mainspring-") as home, Stack(Path(home)) as own:
        own.deploy(embedder.deployment, embedder.parameters["model"], embedder.task.value)
        yield own.settings
