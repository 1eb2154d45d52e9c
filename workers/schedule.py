"""What beat does, and how often. A message that waited past `expires` is dropped: the next one is on its way."""

from typing import Any

from celery.beat import Scheduler

from mainspring.messages import OPS_QUEUE, TRAIN_QUEUE, Deliver, Judge, Retain, Sweep
from mainspring.settings import Settings


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    return {
        #  what          task                  every
        "sweep": _entry(Sweep.name, settings.sweep_seconds),
        "judge": _entry(Judge.name, settings.judge_seconds),
        "deliver": _entry(Deliver.name, settings.deliver_seconds),
        "retain": _entry(Retain.name, settings.retain_seconds, TRAIN_QUEUE),
    }


class Punctual(Scheduler):
    """Celery's own, which wakes 10 ms before something is due and spins until then: this one wakes when it is."""

    def adjust(self, n: float, drift: float = 0.001) -> float:
        return n + drift if n and n > 0 else n


def _entry(task: str, seconds: float, queue: str = OPS_QUEUE) -> dict[str, Any]:
    options = {"queue": queue, "expires": 2 * seconds}
    return {"task": task, "schedule": seconds, "options": options}
