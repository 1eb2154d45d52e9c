"""What a version is trained with: the rows of a dataset, and how its record names what it has learned."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mainspring.curation import files
from mainspring.curation.rows import Kind, Row, Split
from mainspring.training.errors import TrainingFailed
from mainspring.training.recipes import Replay

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
    """A dataset as described() would name it, and what was replayed beside it."""
    origin: dict[str, Any] = {"dataset": digest}
    if replay is not None:
        origin["replay"] = replay.model_dump()
    return {"digest": digest, "examples": examples, "origin": origin}


def described(examples: Iterable[tuple[str, str]], origin: dict[str, Any]) -> dict[str, Any]:
    """`examples`: pairs such as (heading, text) or (label, text), those held out too. Their order changes nothing."""
    lines = sorted(
        hashlib.sha256(json.dumps(example, ensure_ascii=False).encode(errors="replace")).hexdigest()
        for example in examples
    )
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    return {"digest": digest, "examples": len(lines), "origin": origin}
