"""The last pass: what stays is written, side by side, and counted; of what goes it is written why."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mainspring.curation import files
from mainspring.curation.digest import Digest
from mainspring.curation.fates import Fates
from mainspring.curation.found import aside
from mainspring.curation.ledger import Ledger
from mainspring.curation.rows import Row, Split
from mainspring.curation.spill import Spill
from mainspring.curation.surroundings import Tell
from mainspring.curation.tally import Tally


@dataclass(frozen=True)
class Settled:
    """What becomes of each row that waits. `held_out`: on which side it is, if it stays."""

    fates: Fates
    held_out: NDArray[np.bool_]


@dataclass(frozen=True)
class Written:
    """The digest of both files, and what is in them. `linked`: pairs of rows that had to be on one side;
    `items`: of evaluations, that rows were compared with.
    """

    digest: str
    tally: Tally
    linked: int
    items: int = 0


def written(folder: Path, spill: Spill, settled: Settled, ledger: Ledger, tell: Tell) -> Written:
    """Raises what `tell` raises."""
    digest, tally = Digest(), Tally()
    tell(0.92, "writing", {})
    _tell_why(spill, settled.fates, ledger)
    for split in Split:
        rows = _side(split, spill, settled, tally)
        files.write(folder, split, digest.through(split, rows))
    return Written(digest.hex, tally, len(settled.fates.linked))


def _side(split: Split, spill: Spill, settled: Settled, tally: Tally) -> Iterator[Row]:
    wanted = settled.fates.stays & (settled.held_out == (split is Split.HELD_OUT))
    for number, row in enumerate(spill.read()):
        if wanted[number]:
            tally.count(split, row)
            yield row


def _tell_why(spill: Spill, fates: Fates, ledger: Ledger) -> None:
    left = len(fates.codes)
    for step, removed in fates.by_step().items():
        ledger.of(step).seen = left
        left -= removed
    for number, row in enumerate(spill.read()):
        if code := fates.codes[number]:
            ledger.put(aside(row, *fates.reasons[code]))
