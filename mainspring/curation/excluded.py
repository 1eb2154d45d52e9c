"""Which rows a dataset was made without, also one that was refused: the step, the reason, and where each of them was."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainspring.curation.found import SetAside
from mainspring.curation.rows import Origin
from mainspring.settings import Settings
from mainspring.tables import Dataset

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

NAME = "set_aside.parquet"


def place_of(settings: Settings, dataset: Dataset) -> Path:
    """Beside its rows, or in a folder of its own where there are none."""
    if dataset.digest is not None:
        return settings.datasets / dataset.digest / NAME
    return settings.home / "curation" / str(dataset.id) / NAME


def keep(settings: Settings, dataset: Dataset, folder: Path) -> None:
    """Of one that was refused, from the folder in which it was to be made."""
    if (folder / NAME).is_file():
        (folder / NAME).replace(place_of(settings, dataset))


def read(settings: Settings, dataset: Dataset, first: int, most: int) -> tuple[list[SetAside], int]:
    """So many of them, and how many there are. Nothing, where nothing was gathered yet, or by another program."""
    from pyarrow import parquet

    place = place_of(settings, dataset)
    if not place.is_file():
        return [], 0
    with parquet.ParquetFile(place) as file:
        found = [
            SetAside(row["step"], row["reason"], Origin(row["origin"]), row["source"])
            for row in _rows(file, first, most)
        ]
        return found, int(file.metadata.num_rows)


def _rows(file: "ParquetFile", first: int, most: int) -> Iterator[dict[str, Any]]:
    """Groups of rows before the first are not read: there may be a million of them, and somebody turns the pages."""
    for group in range(file.num_row_groups):
        many = file.metadata.row_group(group).num_rows
        if first < many and most > 0:
            rows = file.read_row_group(group).slice(first, most).to_pylist()
            most -= len(rows)
            yield from rows
        first = max(0, first - many)
