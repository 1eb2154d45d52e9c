"""By which rows candidates are chosen: a part of those that train. What the gate measures with is held out, and stays so."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

from mainspring.curation import files
from mainspring.curation.rows import Row, Split
from mainspring.training.errors import TrainingFailed
from workers.gpu.recipes.dataset import FIELD

SHARE = 0.15


def set_apart(datasets: Path, digest: str, into: Path) -> str:
    """Below `into` a dataset without what was held out of this one: of its groups that train, a share is held out instead.

    The name of the new one, always the same of the same. Raises TrainingFailed when there are too few groups.
    """
    name = hashlib.sha256(f"{digest} {SHARE}".encode()).hexdigest()
    place = into / name
    if place.is_dir():
        return name
    if not files.place(datasets / digest, Split.TRAIN).is_file():
        raise TrainingFailed(
            f"there is no dataset {digest[:12]} on the train worker's machine",
            field=FIELD,
            remedy="Curate it first, or give the digest of one that `mainspring datasets` lists.",
        )
    into.mkdir(parents=True, exist_ok=True)
    making = Path(mkdtemp(dir=into))
    sizes = {split: files.write(making, split, _of(datasets / digest, split)) for split in Split}
    if not all(sizes.values()):
        raise TrainingFailed(
            f"of {sum(sizes.values())} rows none can be kept aside to choose candidates by",
            field=FIELD,
            remedy="Give more rows, of more sources, or train one candidate.",
        )
    files.keep(making, place)
    return name


def beside(datasets: Path, digest: str, into: Path) -> None:
    """Another dataset, there too under its own name."""
    place = into / digest
    into.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.symlink_to(datasets.absolute() / digest)


def _of(folder: Path, split: Split) -> Iterator[Row]:
    rows = files.read(folder, Split.TRAIN)
    return (row for row in rows if _chooses(row) == (split is Split.HELD_OUT))


def _chooses(row: Row) -> bool:
    """By the group, as its hash has it: what belongs together is on one side."""
    drawn = hashlib.sha256((row.group or row.content).encode(errors="replace")).digest()
    return int.from_bytes(drawn[:4]) < SHARE * 2**32
