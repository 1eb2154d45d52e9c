"""Send the webhooks that are due."""

from typing import Any

from celery import shared_task

from mainspring.messages import Deliver
from workers.task import BaseTask


@shared_task(name=Deliver.name, base=BaseTask, bind=True)
def deliver(self: Any) -> None:
    with self.app.process.rounds.recorded("deliver"):
        self.app.process.postman.round()
