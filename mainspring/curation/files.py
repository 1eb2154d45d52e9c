"""A dataset in its folder: one Parquet file a split, read some rows at a time so that its size does not matter."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from mainspring.curation.rows import Row, Split, row_of, schema

ROWS = 2000  # at a time


def write(folder: Path, split: Split, rows: Iterable[Row]) -> int:
    """How many there were."""
    import pyarrow as pa
    from pyarrow import parquet

    many = 0
    with parquet.ParquetWriter(place(folder, split), schema(), compression="zstd") as writer:
        for some in _some(rows):
            writer.write_table(pa.Table.from_pylist([row.as_json() for row in some], schema=schema()))
            many += len(some)
    return many


def read(folder: Path, split: Split) -> Iterator[Row]:
    """In their order."""
    from pyarrow import parquet

    with parquet.ParquetFile(place(folder, split)) as file:
        for batch in file.iter_batches(ROWS):
            yield from map(row_of, batch.to_pylist())


def _some(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while some := list(islice(left, ROWS)):
        yield some


def place(folder: Path, split: Split) -> Path:
    return folder / f"{split.value}.parquet"
