"""Rows between two passes: they wait in files, and of each only a few numbers stay in memory."""

from collections.abc import Iterator
from pathlib import Path

from mainspring.curation import files
from mainspring.curation.duplicates.near import Sketches
from mainspring.curation.duplicates.semantic import Meanings
from mainspring.curation.hashing import number_of, same
from mainspring.curation.numbers import Numbers
from mainspring.curation.rows import Row, Split, row_of, schema
from mainspring.curation.splitting import FREE, HELD_OUT, TRAIN

AT_A_TIME = 2000
_PINS = {None: FREE, Split.TRAIN: TRAIN, Split.HELD_OUT: HELD_OUT}


class Spill:
    """Written once from its beginning to its end, then read as often as is needed."""

    def __init__(self, folder: Path, *, near: bool = False, semantic: bool = False) -> None:
        """`near`, `semantic`: whether they are to be compared in that way, later."""
        from pyarrow import parquet

        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.numbers = Numbers()
        self._path = folder / "rows.parquet"
        self._writer = parquet.ParquetWriter(self._path, schema(), compression="zstd")
        self._waiting: list[Row] = []
        self.sketches = Sketches(folder) if near else None
        self.meanings = Meanings(folder) if semantic else None

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
        for one in (self.sketches, self.meanings):
            if one is not None:
                one.close()

    def forget(self) -> None:
        """Let go of the files, however far it came."""
        self._writer.close()
        for one in (self.sketches, self.meanings):
            if one is not None:
                one.forget()

    def read(self) -> Iterator[Row]:
        """All rows in their order."""
        from pyarrow import parquet

        with parquet.ParquetFile(self._path) as file:
            for batch in file.iter_batches(AT_A_TIME):
                yield from map(row_of, batch.to_pylist())

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(files.table(self._waiting))
            for one in (self.sketches, self.meanings):
                if one is not None:
                    one.put(self._waiting)
            self._waiting.clear()
