"""Take the wishes for better versions, and let each refresh go on that can."""

from typing import Any

from celery import shared_task

from mainspring.messages import Refresh
from workers.refreshing import refresh_once
from workers.task import BaseTask


@shared_task(name=Refresh.name, base=BaseTask, bind=True)
def refresh(self: Any) -> None:
    refresh_once(self.app, self.app.process)
