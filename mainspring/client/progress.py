"""The bar of `map`: how many jobs were submitted, how many answered."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Bar:
    """Counts even when nothing is shown."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._task = None if progress is None else progress.add_task("jobs", total=0)
        self._submitted = 0

    def submitted(self, more: int) -> None:
        self._submitted += more
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, total=self._submitted)

    def answered(self) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)


@contextmanager
def bar(shown: bool) -> Iterator[Bar]:  # noqa: FBT001  it is what the caller was asked
    """On standard error's terminal; nothing when not `shown`."""
    if not shown:
        yield Bar(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        yield Bar(progress)
