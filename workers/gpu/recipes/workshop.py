"""Where a run works and whom it tells: its folder, its checkpoints, its progress, the wish to stop."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainspring.training.errors import RunInterrupted

Tell = Callable[[float, str, dict[str, Any]], None]


@dataclass(frozen=True)
class Made:
    """A folder with a complete model; `source` says whence it came, `measures` what was measured of it.

    Of a trained one: `dataset`, what it has learnt from, and `parent`, the digest of the model that it began as.
    """

    folder: Path
    source: dict[str, Any]
    measures: dict[str, float]
    dataset: dict[str, Any] | None = None
    parent: str | None = None


@dataclass(frozen=True)
class Workshop:
    """`tell(fraction, activity, measures)` raises RunLost when the run belongs to another attempt by now.

    `datasets`: where datasets are, each in the folder of its digest. `until`: of a candidate, the step behind which it
    stops and is made as it is, to go on from there in another call.
    """

    folder: Path
    attempt: int
    tell: Tell
    stopping: Callable[[], bool]
    datasets: Path
    until: int | None = None

    @property
    def output(self) -> Path:
        """Empty at the first call of an attempt; an attempt that lost its run keeps to its own."""
        return self.folder / f"model-{self.attempt}"

    @property
    def checkpoints(self) -> Path:
        return self.folder / f"checkpoints-{self.attempt}"

    def step(self, fraction: float, activity: str) -> None:
        """Between two stages of the work. Raises RunInterrupted when the worker stops, RunLost as tell()."""
        if self.stopping():
            raise RunInterrupted("the worker is stopping")
        self.tell(fraction, activity, {})

    def last_checkpoint(self) -> Path | None:
        """The furthest complete one of any attempt: the trainer writes trainer_state.json last."""
        complete = [path.parent for path in self.folder.glob("checkpoints-*/checkpoint-*/trainer_state.json")]
        return max(complete, key=lambda path: int(path.name.rpartition("-")[2]), default=None)

    def clear(self) -> None:
        """The run has ended: nothing of its folder is needed any more."""
        shutil.rmtree(self.folder, ignore_errors=True)
