"""Take the most urgent jobs of a version until its queue is empty."""

from typing import Any
from uuid import UUID

from celery import shared_task

from mainspring.messages import Answer
from workers.answering import work
from workers.task import BaseTask, Nudged


@shared_task(name=Answer.name, base=BaseTask, Request=Nudged, bind=True)
def answer(self: Any, version_id: str, job_id: str) -> None:  # noqa: ARG001  job_id says whose acceptance caused it
    work(self.app.process, UUID(version_id))
