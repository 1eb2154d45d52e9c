"""Look at the jobs that have ended since."""

from typing import Any

from celery import shared_task

from mainspring.messages import Observe
from workers.task import BaseTask
from workers.watching import observe_once


@shared_task(name=Observe.name, base=BaseTask, bind=True)
def observe(self: Any) -> None:
    observe_once(self.app.process)
