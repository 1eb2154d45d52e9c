"""What a version is trained with: the rows of a dataset, and how its record names what it has learned."""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from mainspring.curation import files
from mainspring.curation.digest import Digest
from mainspring.curation.files import keep
from mainspring.curation.rows import Kind, Origin, Row, Split
from mainspring.training.errors import TrainingFailed
from mainspring.training.recipes import Replay
from workers.gpu.recipes.workshop import Workshop

FIELD = "parameters.dataset"


def _all(row: Row) -> bool:  # noqa: ARG001
    return True


def taken(
    folder: Path, *kinds: Kind, suits: Callable[[Row], bool] = _all, field: str = FIELD
) -> tuple[list[Row], list[Row]]:
    """Its rows of these kinds: those that train, and those that were held out. Raises TrainingFailed.

    `folder`: of the dataset; `suits`: whether a row has what is learned; `field`: who asks.
    """
    if not all(files.place(folder, split).is_file() for split in Split):
        raise TrainingFailed(
            f"there is no dataset {folder.name[:12]} on the train worker's machine",
            field=field,
            remedy="Curate it first, or give the digest of one that `mainspring datasets` lists.",
        )
    sides = [
        [row for row in files.read(folder, split) if row.kind in kinds and suits(row)] for split in Split
    ]
    if not all(sides):
        raise TrainingFailed(
            f"the dataset has {len(sides[0])} rows to train and {len(sides[1])} held out that are {' or '.join(kinds)} and complete",
            field=field,
            remedy="Give a dataset with rows of such a kind in both splits.",
        )
    return sides[0], sides[1]


def replayed(
    replay: Replay | None, datasets: Path, *kinds: Kind, suits: Callable[[Row], bool] = _all
) -> list[Row]:
    """What an earlier version has learned of these kinds. Raises TrainingFailed when there is nothing."""
    if replay is None:
        return []
    return taken(datasets / replay.dataset, *kinds, suits=suits, field="parameters.replay.dataset")[0]


def named(digest: str, examples: int, replay: Replay | None = None) -> dict[str, Any]:
    """A dataset as a version's record names it, and what was replayed beside it."""
    origin: dict[str, Any] = {"dataset": digest}
    if replay is not None:
        origin["replay"] = replay.model_dump()
    return {"digest": digest, "examples": examples, "origin": origin}


def kept(
    workshop: Workshop, training: Iterable[Row], held_out: Iterable[Row], origin: dict[str, Any]
) -> dict[str, Any]:
    """Examples that are no dataset yet become one, so that later versions are measured by what was held out and are
    reminded of the rest. Named as named() would; the order of the examples changes nothing.
    """
    workshop.folder.mkdir(parents=True, exist_ok=True)
    making = Path(mkdtemp(dir=workshop.folder))  # its own: a run may be of several processes
    digest, examples = Digest(), 0
    for split, rows in ((Split.TRAIN, training), (Split.HELD_OUT, held_out)):
        ordered = sorted(rows, key=lambda row: (row.content, row.label or ""))
        examples += files.write(making, split, digest.through(split, ordered))
    making.chmod(0o755)
    keep(making, workshop.datasets / digest.hex)
    shutil.rmtree(making, ignore_errors=True)  # if the same rows were there already
    return {"digest": digest.hex, "examples": examples, "origin": origin}


def row_of_text(text: str, *, heading: str = "", label: str | None = None) -> Row:
    """Of an example that a recipe found itself; what no encoding has is replaced."""
    said, about = (part.encode(errors="replace").decode() for part in (text, heading))
    group = hashlib.sha256(" ".join(said.lower().split()).encode()).hexdigest()
    kind = Kind.TEXT if label is None else Kind.LABELLED
    return Row(kind, Origin.CRAWL, "recipe", group, text=said, heading=about, label=label)
