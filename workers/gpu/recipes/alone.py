"""A recipe in a process of its own, or in several that a launcher started: see launching.py.

accelerate launch --config_file fsdp.yaml -m workers.gpu.recipes.alone FOLDER
"""

import sys
from pathlib import Path

from mainspring.errors import MainspringError
from mainspring.tables import Task
from mainspring.training.recipes import SHAPES
from workers.gpu.recipes import launching, processes
from workers.gpu.recipes.book import RECIPES
from workers.gpu.recipes.launching import Job, Listener
from workers.gpu.recipes.workshop import Workshop

ENDED = 75  # so that a launcher ends the other processes too


def main(folder: Path) -> int:
    """Its exit code."""
    job, first = Job.read(folder), processes.first()
    listener = Listener(folder, job.attempt)
    workshop = _workshop(folder, job, listener, first=first)
    try:
        parameters = SHAPES[job.recipe].model_validate(job.parameters)
        made = RECIPES[job.recipe](parameters, Task(job.task), workshop)
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
    datasets = Path(job.datasets)
    if first:
        return Workshop(folder, job.attempt, listener.tell, listener.stopping, datasets, job.until)
    return Workshop(folder, job.attempt, lambda *_: None, lambda: False, datasets, job.until)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
