"""Which rows a dataset was made without, also one that was refused: the step, the reason, and where each of them was."""

from itertools import islice
from pathlib import Path

from mainspring.curation.found import SetAside
from mainspring.curation.rows import Origin
from mainspring.settings import Settings
from mainspring.tables import Dataset

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
        batches = file.iter_batches(columns=["step", "reason", "origin", "source"])
        rows = (row for batch in batches for row in batch.to_pylist())
        found = [
            SetAside(row["step"], row["reason"], Origin(row["origin"]), row["source"])
            for row in islice(rows, first, first + most)
        ]
        return found, int(file.metadata.num_rows)
