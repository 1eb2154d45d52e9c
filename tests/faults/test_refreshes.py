"""A refresh outlives whoever carries it out. The long form, at three moments in each stage: tests/faults/refreshes.py."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainspring.tables import RefreshState
from tests.faults.refreshes import QUICK, Kill, attempts, prepare, refresh
from tests.faults.stack import Stack


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Sockets live in it."""
    made = Path(tempfile.mkdtemp(prefix="ms-kill-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def quick(short_folder: Path) -> Iterator[Stack]:
    with Stack(short_folder / "home", **QUICK) as running:
        yield running


def test_killed_in_every_stage_it_ends_once_with_the_same_verdict(quick: Stack, short_folder: Path) -> None:
    kills = [
        Kill(RefreshState.CURATING, "train", 0.3),
        Kill(RefreshState.TRAINING, "ops", 0.2),
        Kill(RefreshState.TRAINING, "train", 1.0),
        Kill(RefreshState.EVALUATING, "beat", 0.3),
        Kill(RefreshState.RELEASING, "infer", 0.5),
    ]
    for name in ("calm", "killed"):
        prepare(quick, name, short_folder / name)
    calm, found = refresh(quick, "calm"), refresh(quick, "killed", kills)
    assert (calm.state, calm.decision, calm.made) == (RefreshState.RELEASED, "accept", 1)
    assert (found.state, found.decision, found.made) == (calm.state, calm.decision, calm.made), found.reason
    assert (found.findings, found.dataset) == (calm.findings, calm.dataset)
    assert max(attempts(quick.database(), "killed").values()) > 1
