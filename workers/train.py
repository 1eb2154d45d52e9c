"""The train worker: `celery -A workers.train worker -P prefork -c 1 --max-tasks-per-child 1 -Q train`.

Each task runs in a fresh child, so that a run that exhausts or poisons the GPU's memory takes nothing else with it.
The parent imports torch once for all of them, and calls nothing of it: a child of a process that has used a GPU, or
torch's threads, could use neither.
"""

import mmap
from importlib import import_module
from typing import Any

from celery import bootsteps
from celery.signals import worker_init, worker_shutting_down

from mainspring.garbage import keep_imports
from mainspring.logs import configure
from mainspring.messages import TRAIN_QUEUE
from mainspring.settings import Settings
from workers.app import create_app

CHILD_SECONDS = 0.2


class Process:
    """What a child's task works with: the settings, and whether the parent is shutting down."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # One byte of memory that parent and children share: a flag that needs no lock in a signal handler.
        self._flag = mmap.mmap(-1, 1)

    def stopping(self) -> bool:
        return self._flag[0] != 0

    def stop(self) -> None:
        self._flag[0] = 1


settings = Settings()
configure(settings.log_level, as_json=settings.log_json)
app = create_app(settings, TRAIN_QUEUE, ["workers.tasks.train", "workers.tasks.retain"])
app.process = Process(settings)


class NextChild(bootsteps.StartStopStep):
    """A child that has ended is followed by the next one at once: of itself Celery looks every five seconds."""

    requires = ("celery.worker.components:Pool",)

    def register_with_event_loop(self, worker: Any, hub: Any) -> None:
        hub.call_repeatedly(CHILD_SECONDS, worker.pool._pool.maintain_pool)  # noqa: SLF001


app.steps["worker"].add(NextChild)


@worker_init.connect
def import_ahead(**_: Any) -> None:
    import_module("workers.gpu.train")
    keep_imports()


@worker_shutting_down.connect
def tell_children(**_: Any) -> None:
    """Celery waits for running tasks at SIGTERM; a run then writes a checkpoint and hands itself back."""
    app.process.stop()
