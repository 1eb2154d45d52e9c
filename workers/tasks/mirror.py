"""Give MLflow what it lacks."""

from typing import Any

from celery import shared_task

from mainspring.messages import Mirror
from workers.mirroring import mirror_once
from workers.task import BaseTask


@shared_task(name=Mirror.name, base=BaseTask, bind=True)
def mirror(self: Any) -> None:
    mirror_once(self.app, self.app.process)
