"""Give the detectors what was looked at since."""

from typing import Any

from celery import shared_task

from mainspring.messages import Detect
from workers.task import BaseTask
from workers.watching import detect_once


@shared_task(name=Detect.name, base=BaseTask, bind=True)
def detect(self: Any) -> None:
    detect_once(self.app.process)
