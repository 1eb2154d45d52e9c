"""Count the hours anew in which something has changed."""

from typing import Any

from celery import shared_task

from mainspring.messages import RollUp
from workers.task import BaseTask
from workers.watching import roll_up_once


@shared_task(name=RollUp.name, base=BaseTask, bind=True)
def rollup(self: Any) -> None:
    roll_up_once(self.app.process)
