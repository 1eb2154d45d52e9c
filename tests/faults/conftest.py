"""One stack for the faults that it survives, with small models deployed through the command line."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.models import small_models
from tests.faults.stack import Stack


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """In a short folder: sockets live in it. Gone after the last test of the folder that uses it."""
    folder = Path(tempfile.mkdtemp(prefix="ms-stack-", dir="/tmp"))
    models = small_models(folder / "models")
    # Nothing is compiled: what is broken here is not faster for it, and a compiler takes a core for a minute.
    with Stack(folder / "home", MAINSPRING_COMPILE_STEPS="false") as running:
        for name, (path, task) in models.items():
            running.deploy(name, path, task)
        yield running
    shutil.rmtree(folder, ignore_errors=True)
