"""Look at the rollouts and at the versions that drain."""

from typing import Any

from celery import shared_task

from mainspring.messages import Judge
from workers.judging import judge_once
from workers.task import BaseTask


@shared_task(name=Judge.name, base=BaseTask, bind=True)
def judge(self: Any) -> None:
    judge_once(self.app, self.app.process)
