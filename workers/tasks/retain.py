"""Delete the files that no version needs any more. On the train worker, which writes the store."""

from typing import Any

from celery import shared_task

from mainspring.messages import Retain
from workers.retaining import retain_once
from workers.task import BaseTask


@shared_task(name=Retain.name, base=BaseTask, bind=True)
def retain(self: Any) -> None:
    retain_once(self.app.process.settings)
