"""What beat does, and how often. A message that waited past `expires` is dropped: the next one is on its way."""

from typing import Any

from mainspring.messages import OPS_QUEUE, Deliver, Judge, Sweep
from mainspring.settings import Settings


def beat_schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    return {
        #  what          task                  every
        "sweep": _entry(Sweep.name, settings.sweep_seconds),
        "judge": _entry(Judge.name, settings.judge_seconds),
        "deliver": _entry(Deliver.name, settings.deliver_seconds),
    }


def _entry(task: str, seconds: float) -> dict[str, Any]:
    options = {"queue": OPS_QUEUE, "expires": 2 * seconds}
    return {"task": task, "schedule": seconds, "options": options}
