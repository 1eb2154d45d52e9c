"""Re-queue what dead workers held; nudge again what lost its message."""

from typing import Any

from celery import shared_task

from mainspring.messages import Sweep
from workers.sweeping import sweep_once
from workers.task import BaseTask


@shared_task(name=Sweep.name, base=BaseTask, bind=True)
def sweep(self: Any) -> None:
    sweep_once(self.app, self.app.process)
