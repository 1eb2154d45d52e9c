"""Which rows of a dataset are measured with: a sample of them by digest, so that both contestants have the same."""

import hashlib
import heapq
from collections.abc import Iterator
from pathlib import Path

from mainspring.curation import files
from mainspring.curation.rows import Row, Split
from mainspring.evaluation.errors import EvaluationFailed
from mainspring.evaluation.suite import MeasuringSet


def drawn(datasets: Path, one: MeasuringSet, most: int, seed: int) -> list[Row]:
    """So many at most, whatever the order in the file; empty where none is of its origins. Raises EvaluationFailed."""
    folder = datasets / one.dataset
    if not files.place(folder, Split(one.split)).is_file():
        raise EvaluationFailed(
            f"the rows of the set {one.name} are not here: dataset {one.dataset[:12]}",
            field="suite.sets",
            remedy="Curate it again, or copy its folder to where this worker keeps datasets.",
        )
    return heapq.nsmallest(most, _of(folder, one), key=lambda row: _key(row, seed))


def source(row: Row) -> str:
    """What rows have in common that tell less together than as many others."""
    return row.group or row.source


def _of(folder: Path, one: MeasuringSet) -> Iterator[Row]:
    rows = files.read(folder, Split(one.split))
    return (row for row in rows if one.origins is None or row.origin in one.origins)


def _key(row: Row, seed: int) -> bytes:
    said = "\0".join((str(seed), row.kind.value, row.content, row.label or "", row.source))
    return hashlib.sha256(said.encode(errors="replace")).digest()
