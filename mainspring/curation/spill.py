"""Rows between two passes: they wait in a file, and of each only a few numbers stay in memory."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mainspring.curation.hashing import number_of, same
from mainspring.curation.rows import Row, Split, row_of, schema
from mainspring.curation.splitting import FREE, HELD_OUT, TRAIN

AT_A_TIME = 2000
_PINS = {None: FREE, Split.TRAIN: TRAIN, Split.HELD_OUT: HELD_OUT}


@dataclass
class Numbers:
    """Of each row, in the order of the file."""

    same: "array[int]" = field(default_factory=lambda: array("Q"))
    label: "array[int]" = field(default_factory=lambda: array("Q"))
    group: "array[int]" = field(default_factory=lambda: array("Q"))
    pin: "array[int]" = field(default_factory=lambda: array("b"))
    known: "array[int]" = field(default_factory=lambda: array("b"))  # whether an evaluation holds it

    def __len__(self) -> int:
        return len(self.same)

    def of(self, name: str) -> NDArray[Any]:
        """One of them as numpy has it, without a copy."""
        column = getattr(self, name)
        return np.frombuffer(column, np.dtype(column.typecode))


class Spill:
    """Written once from its beginning to its end, then read as often as is needed."""

    def __init__(self, folder: Path) -> None:
        from pyarrow import parquet

        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.numbers = Numbers()
        self._path = folder / "rows.parquet"
        self._writer = parquet.ParquetWriter(self._path, schema(), compression="zstd")
        self._waiting: list[Row] = []

    def put(self, row: Row, pin: Split | None, *, known: bool) -> None:
        numbers = self.numbers
        numbers.same.append(same(row))
        numbers.label.append(0 if row.label is None else number_of(row.label))
        numbers.group.append(number_of(row.group))
        numbers.pin.append(_PINS[pin])
        numbers.known.append(known)
        self._waiting.append(row)
        if len(self._waiting) >= AT_A_TIME:
            self._flush()

    def close(self) -> None:
        """Nothing more is put in."""
        self._flush()
        self._writer.close()

    def read(self) -> Iterator[Row]:
        """All rows in their order."""
        from pyarrow import parquet

        with parquet.ParquetFile(self._path) as file:
            for batch in file.iter_batches(AT_A_TIME):
                yield from map(row_of, batch.to_pylist())

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            records = [row.as_json() for row in self._waiting]
            self._writer.write_table(pa.Table.from_pylist(records, schema=schema()))
            self._waiting.clear()
