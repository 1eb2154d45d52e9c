"""Checkpoints in a run's folder: written aside, and there all at once or not at all, whenever the process is killed.

checkpoints-<attempt>/writing/checkpoint-<step>/     being written
checkpoints-<attempt>/checkpoint-<step>/             complete
checkpoints-<attempt>/dropped-<step>/                being removed
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

KEPT = 2
WRITING = "writing"


class Checkpoint(NamedTuple):
    """A complete one. In order: by step, then by attempt."""

    step: int
    attempt: int
    place: Path


def complete(folder: Path) -> list[Checkpoint]:
    """Those of all attempts, the furthest last. `folder`: the run's."""
    found = folder.glob("checkpoints-*/checkpoint-*/trainer_state.json")
    return sorted(Checkpoint(_number(path.parent), _number(path.parents[1]), path.parent) for path in found)


def of_step(folder: Path, step: int) -> Path | None:
    return next((one.place for one in reversed(complete(folder)) if one.step == step), None)


def seal(checkpoints: Path, step: int) -> None:
    """What was written of this step is complete. `checkpoints`: the attempt's folder."""
    written = checkpoints / WRITING / f"checkpoint-{step}"
    place = checkpoints / written.name
    if place.exists():  # of the same step, so of the same state
        shutil.rmtree(written)
        return
    for path in (*written.rglob("*"), written):
        _onto_disk(path)
    written.rename(place)
    _onto_disk(checkpoints)


def drop_old(folder: Path, attempt: int, needed: Iterable[int] = ()) -> None:
    """All but the furthest two and those of the `needed` steps. What later attempts have is theirs."""
    ours = [one for one in complete(folder) if one.attempt <= attempt]
    for old in ours[:-KEPT]:
        if old.step in needed:
            continue
        dropped = old.place.with_name(f"dropped-{old.step}")
        old.place.rename(dropped)  # a folder that is removed by half is no checkpoint
        shutil.rmtree(dropped, ignore_errors=True)


def _number(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def _onto_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
