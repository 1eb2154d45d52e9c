"""The base of every task, and the single catch-all: what a task did not expect is logged by class, and raised on.

By class and place only: an exception's text may hold a piece of a prompt.
"""

import traceback
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import celery
import structlog
from celery.worker.request import Request

from mainspring.errors import MainspringError
from mainspring.logs import log
from workers.chores import Chores


class BaseTask(celery.Task):  # type: ignore[type-arg]
    """A task is bare: the concern of all of them stands here."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with structlog.contextvars.bound_contextvars(task=self.name), self._counted():
            try:
                return super().__call__(*args, **kwargs)
            except MainspringError as error:
                log.error("task.refused", code=error.code)
                raise
            except Exception as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                log.error("task.crashed", error=type(error).__name__, file=place.filename, line=place.lineno)
                raise

    def _counted(self) -> AbstractContextManager[None]:
        """Where the process counts its chores."""
        chores: Chores | None = getattr(self.app.process, "chores", None)  # type: ignore[attr-defined]
        return nullcontext() if chores is None else chores.doing(self.name)


class Nudged(Request):
    """Of a queue that is consumed without acknowledgement: the row is the truth, so a message need not be kept.

    Saves two round trips to Redis before the task and one after it.
    """

    def acknowledge(self) -> None:
        self.acknowledged = True
