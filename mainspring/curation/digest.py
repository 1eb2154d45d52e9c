"""The name of a dataset: SHA-256 over what its rows say, whatever writes their files."""

import hashlib
from collections.abc import Iterable, Iterator

import orjson

from mainspring.curation.rows import Row, Split


class Digest:
    """Of the rows of both splits in their order."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def through(self, split: Split, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows; each is counted in as it passes."""
        self._hash.update(f"{split.value}\n".encode())
        for row in rows:
            self._hash.update(orjson.dumps(row.as_json(), option=orjson.OPT_SORT_KEYS) + b"\n")
            yield row

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()
