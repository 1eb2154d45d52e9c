"""One of the two versions: as bare weights for what reads, as the engine that would serve it for what answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from mainspring.serving.engine import Engine, Plan
from mainspring.settings import Settings
from mainspring.tables import EngineName
from mainspring.terms import Task
from workers.gpu import device
from workers.gpu.alone import LOADING
from workers.gpu.load import Loaded, load_model, load_version

SLOTS = 16


@dataclass(frozen=True)
class Contestant:
    """`who`: challenger or champion. One that is loaded goes with the end of the block."""

    who: str
    path: Path
    task: Task
    settings: Settings

    @contextmanager
    def weights(self) -> Iterator[Loaded]:
        """Raises ModelRefused."""
        device.use_threads()
        with LOADING:
            loaded = load_model(self.path, self.task)
        yield loaded
        del loaded
        _forget()

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """By a plan that is not measured but said, so that both are served alike and next time the same way.

        Raises ModelRefused or LoadingFailed.
        """
        threads = device.use_threads()
        plan = Plan(EngineName.SLOTS, SLOTS, threads, str(device.dtype()).removeprefix("torch."))
        settings = self.settings.model_copy(update={"compile_steps": False})
        engine = load_version(self.path, self.task, settings, EngineName.AUTO, plan)
        try:
            yield engine
        finally:
            engine.stop()
            del engine
            _forget()


def _forget() -> None:
    """What was loaded leaves the GPU, too: the other one needs the room."""
    if device.device().type == "cuda":
        torch.cuda.empty_cache()
