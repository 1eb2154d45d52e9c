"""Rows that nearly say the same: by MinHash (Broder, On the resemblance and containment of documents, 1997), then compared.

Text is hashed by rensa; candidates are compared by the Jaccard index itself, so that what is removed is alike for certain.
Of conversations each answer has to be alike as the question is, of labelled texts the label has to be the same: where they
are not, both rows stay, on one side of the split, so that no question is on both.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from mainspring.curation.duplicates.bands import Bands, folded
from mainspring.curation.duplicates.candidates import Alike, Comparing
from mainspring.curation.duplicates.contents import LONGEST, Contents
from mainspring.curation.fates import Fates
from mainspring.curation.numbers import Numbers
from mainspring.curation.rows import Row
from mainspring.curation.shingles import canonical, jaccard, shingles
from mainspring.curation.surroundings import Tell
from mainspring.curation.texts import parts

STEP, REASON = "near_duplicates", "nearly says what an earlier row says"
BANDS, HASHES = (
    25,
    5,
)  # with a Jaccard index of 0.7 two rows are compared with probability 0.99, of 0.3 with 0.06
SEED = 1


class Sketches:
    """Taken of the rows as they are put to wait."""

    def __init__(self, folder: Path) -> None:
        self.contents = Contents(folder / "contents")
        self.bands = Bands(folder / "bands", BANDS)

    def put(self, rows: Sequence[Row]) -> None:
        from rensa import RMinHash

        said = [[canonical(part)[:LONGEST] for part in parts(row)] for row in rows]
        for one in said:
            self.contents.put(one)
        found, begins = shingles([next(filter(None, one), "") for one in said])
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            found, begins, num_perm=BANDS * HASHES, seed=SEED
        )
        self.bands.put(folded(np.array(matrix.to_rows(), np.uint32), HASHES))

    def close(self) -> None:
        """Nothing more is put in; what is there can be read."""
        self.contents.flush()
        self.bands.close()

    def forget(self) -> None:
        self.contents.close()
        self.bands.close()


def mark(sketches: Sketches, numbers: Numbers, fates: Fates, least: float, tell: Tell) -> None:
    """From a Jaccard index of `least` on."""
    labels = numbers.of("label")

    sets = lru_cache(maxsize=64)(sketches.contents.sets)

    def compare(one: int, other: int) -> Alike:
        ours, theirs = sets(one), sets(other)
        if jaccard(ours[0], theirs[0]) < least:
            return Alike.NO
        answers = len(ours) == len(theirs) and all(
            jaccard(a, b) >= least for a, b in zip(ours[1:], theirs[1:], strict=True)
        )
        return Alike.SAME if answers and labels[one] == labels[other] else Alike.CLOSE

    def told(fraction: float) -> None:
        tell(0.7 + 0.15 * fraction, "comparing rows that are likely alike", {})

    Comparing(fates, STEP, REASON, compare).through(sketches.bands, told)
