"""text-generation: how likely texts and answers are; what it writes itself, where a plan asks for that."""

from collections.abc import Sequence
from typing import Any

from mainspring.curation.rows import Row
from workers.gpu.evaluating.passages import Layout, input_of, is_asked
from workers.gpu.evaluating.reading import read
from workers.gpu.evaluating.scores import Column
from workers.gpu.evaluating.steps import Tick
from workers.gpu.evaluating.task import Examination
from workers.gpu.evaluating.texts import read_columns
from workers.gpu.evaluating.writing import Asked, written_columns


def examine(this: Examination) -> list[Column]:
    """Raises ModelRefused, LoadingFailed, EngineFailed."""
    with this.contestant.weights() as loaded:
        layout = Layout(loaded)

        def reader(rows: Sequence[Row], tick: Tick) -> list[Any]:
            return read(loaded, [layout.passage(row) for row in rows], tick)

        found = read_columns(this, reader)
    return found + written_columns(this, Asked(input_of, is_asked), ())
