"""What beat does, and how often. A message that waited past `expires` is dropped: the next one is on its way."""

from typing import Any

from celery.beat import Scheduler

from mainspring.messages import OPS_QUEUE, TRAIN_QUEUE
from mainspring.settings import Settings


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Each task every so many seconds, on the queue of the worker that carries it out."""
    every = intervals(settings)
    return {task: _entry(f"mainspring.{task}", every[task], _QUEUES.get(task, OPS_QUEUE)) for task in every}


def intervals(settings: Settings) -> dict[str, float]:
    """Seconds between two rounds of each task, by its name without the prefix."""
    return {
        "sweep": settings.sweep_seconds,
        "judge": settings.judge_seconds,
        "deliver": settings.deliver_seconds,
        "observe": settings.observe_seconds,
        "refer": settings.refer_seconds,
        "detect": settings.detect_seconds,
        "decide": settings.decide_seconds,
        "refresh": settings.refresh_seconds,
        "rollup": settings.rollup_seconds,
        "forget": settings.forget_seconds,
        "retain": settings.retain_seconds,
        **({"mirror": settings.mirror_seconds} if settings.mlflow_url else {}),
    }


_QUEUES = {"retain": TRAIN_QUEUE}


class Punctual(Scheduler):
    """Celery's own, which wakes 10 ms before something is due and spins until then: this one wakes when it is."""

    def adjust(self, n: float, drift: float = 0.001) -> float:
        return n + drift if n and n > 0 else n


def _entry(task: str, seconds: float, queue: str) -> dict[str, Any]:
    options = {"queue": queue, "expires": 2 * seconds}
    return {"task": task, "schedule": seconds, "options": options}
