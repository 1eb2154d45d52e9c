"""The train worker: `celery -A workers.train worker -P prefork -c 1 --max-tasks-per-child 1 -Q train`.

The parent stays light and never touches a GPU; each task runs in a fresh child, which imports torch itself,
so that a run that exhausts or poisons the GPU's memory takes nothing else with it. The child imports it before there
is a run, so that none waits for that.
"""

import mmap
from importlib import import_module
from typing import Any

from celery.signals import worker_process_init, worker_shutting_down

from mainspring.logs import configure
from mainspring.messages import TRAIN_QUEUE
from mainspring.settings import Settings
from workers.app import create_app


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
app.conf.worker_proc_alive_timeout = 120.0  # seconds for a child to say that it is up: it imports first
app.process = Process(settings)


@worker_process_init.connect
def import_ahead(**_: Any) -> None:
    import_module("workers.gpu.train")


@worker_shutting_down.connect
def tell_children(**_: Any) -> None:
    """Celery waits for running tasks at SIGTERM; a run then writes a checkpoint and hands itself back."""
    app.process.stop()
