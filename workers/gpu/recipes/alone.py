"""A recipe in a process of its own, or in several that a launcher started: see launching.py.

accelerate launch --config_file fsdp.yaml -m workers.gpu.recipes.alone FOLDER
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mainspring.errors import MainspringError
from mainspring.tables import Task
from mainspring.training.recipes import SHAPES
from workers.gpu.recipes import launching, processes
from workers.gpu.recipes.launching import Job, Listener
from workers.gpu.recipes.workshop import Made, Workshop
from workers.gpu.train import RECIPES

ENDED = 75  # so that a launcher ends the other processes too


def main(folder: Path) -> int:
    """Its exit code."""
    job, first = Job.read(folder), processes.first()
    listener = Listener(folder, job.attempt)
    workshop = _workshop(folder, job, listener, first=first)
    try:
        made = _recipe(job.recipe)(
            SHAPES[job.recipe].model_validate(job.parameters), Task(job.task), workshop
        )
    except processes.Bystander:
        return 0
    except MainspringError as error:
        if first:
            launching.end(folder, error)
        return ENDED
    launching.end(folder, made)
    return 0


def _workshop(folder: Path, job: Job, listener: Listener, *, first: bool) -> Workshop:
    """One that tells and hears only in the first process."""
    given: dict[str, Any] = {} if job.datasets is None else {"datasets": Path(job.datasets)}
    if first:
        return Workshop(folder, job.attempt, listener.tell, listener.stopping, **given)
    return Workshop(folder, job.attempt, lambda *_: None, lambda: False, **given)


def _recipe(name: str) -> Callable[[Any, Task, Workshop], Made]:
    return RECIPES[name]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
