"""A part of an earlier dataset, so that what was learned is not forgotten. What it held out stays held out."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mainspring.curation import files
from mainspring.curation.plan import Replay
from mainspring.curation.rows import Origin, Row, Split
from mainspring.errors import DatasetRefused


def rows(wanted: Replay, datasets: Path, field: str) -> Iterator[tuple[Row, Split]]:
    """With the split that each was in. Groups are taken whole. Raises DatasetRefused if it is not here."""
    folder = stored(datasets, wanted.dataset, field)
    for split in Split:
        for row in files.read(folder, split):
            if _drawn(row.group, wanted.share):
                yield replace(row, origin=Origin.REPLAY), split


def stored(datasets: Path, digest: str, field: str) -> Path:
    """The folder of an earlier dataset. Raises DatasetRefused if it is not here."""
    folder = datasets / digest
    if not files.place(folder, Split.TRAIN).is_file():
        raise DatasetRefused(
            f"there is no dataset {digest[:12]} here",
            field=field,
            remedy="Name a dataset that is stored on the train worker's machine.",
        )
    return folder


def _drawn(group: str, share: float) -> bool:
    """By a hash that is not the one of the split, which would draw from one side alone."""
    drawn = hashlib.blake2b(group.encode(errors="replace"), digest_size=8, person=b"replay").digest()
    return int.from_bytes(drawn, "big") < share * 2**64
