"""Try what waits to be tried of a version."""

from typing import Any
from uuid import UUID

from celery import shared_task

from mainspring.messages import TryOut
from workers.task import BaseTask, Nudged
from workers.trying import try_out as work


@shared_task(name=TryOut.name, base=BaseTask, Request=Nudged, bind=True)
def try_out(self: Any, version_id: str) -> None:
    work(self.app.process, UUID(version_id))
