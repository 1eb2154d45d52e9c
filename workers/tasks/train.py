"""Carry out the training runs that wait."""

from typing import Any

from celery import shared_task

from mainspring.messages import Train
from workers.task import BaseTask


@shared_task(name=Train.name, base=BaseTask, bind=True)
def train(self: Any, run_id: str) -> None:  # noqa: ARG001  run_id says whose request caused it; the oldest goes first
    from workers.gpu.train import train as carry_out  # torch, in the child only

    carry_out(self.app.process.settings, self.app.process.stopping)
