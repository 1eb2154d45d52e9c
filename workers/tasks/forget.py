"""Let kept texts go whose time is over."""

from typing import Any

from celery import shared_task

from mainspring.messages import Forget
from workers.forgetting import forget_once
from workers.task import BaseTask


@shared_task(name=Forget.name, base=BaseTask, bind=True)
def forget(self: Any) -> None:
    forget_once(self.app.process)
