"""A dataset in its folder: one Parquet file a split, read some rows at a time so that its size does not matter."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mainspring.curation.rows import Row, Split, row_of, schema

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 2000  # at a time


def write(folder: Path, split: Split, rows: Iterable[Row]) -> int:
    """How many there were."""
    from pyarrow import parquet

    many = 0
    with parquet.ParquetWriter(place(folder, split), schema(), compression="zstd") as writer:
        for some in _some(rows):
            writer.write_table(table(some))
            many += len(some)
    return many


def read(folder: Path, split: Split) -> Iterator[Row]:
    """In their order."""
    from pyarrow import parquet

    with parquet.ParquetFile(place(folder, split)) as file:
        for batch in file.iter_batches(ROWS):
            yield from map(row_of, batch.to_pylist())


def table(rows: Sequence[Row]) -> "pa.Table":
    """As Arrow has them: column by column, at a third of the cost of record by record."""
    import pyarrow as pa

    kinds = schema()
    columns = {name: [getattr(row, name) for row in rows] for name in kinds.names}
    for name in ("kind", "origin"):
        columns[name] = [value.value for value in columns[name]]
    said = columns["messages"]
    columns["messages"] = [[{"role": one.role, "content": one.content} for one in row] for row in said]
    return pa.table(columns, schema=kinds)


def _some(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while some := list(islice(left, ROWS)):
        yield some


def place(folder: Path, split: Split) -> Path:
    return folder / f"{split.value}.parquet"


def keep(made: Path, place: Path) -> None:
    """Below the folder of datasets, whole or not at all. The same rows may be there already."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        made.rename(place)
    except OSError:
        if not place.is_dir():
            raise


def count(folder: Path, split: Split) -> int:
    """How many rows there are."""
    from pyarrow import parquet

    return int(parquet.read_metadata(place(folder, split)).num_rows)
