"""Stable, to be watched, or to be trained anew?"""

from typing import Any

from celery import shared_task

from mainspring.messages import Decide
from workers.task import BaseTask
from workers.watching import decide_once


@shared_task(name=Decide.name, base=BaseTask, bind=True)
def decide(self: Any) -> None:
    decide_once(self.app.process)
