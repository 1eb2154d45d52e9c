"""Make the references of prompts that are asked for."""

from typing import Any

from celery import shared_task

from mainspring.messages import Refer
from workers.task import BaseTask
from workers.watching import refer_once


@shared_task(name=Refer.name, base=BaseTask, bind=True)
def refer(self: Any) -> None:
    refer_once(self.app.process)
