"""A slot loop as a test sees it."""

from collections.abc import Callable
from threading import Event
from typing import Any

from transformers import PreTrainedModel

from tests.contract import slotted_models as tiny
from workers.gpu.progress import Progress
from workers.gpu.sampling import Sampling
from workers.gpu.slotted.loop import SlotLoop

SECONDS = 60
MOST = 30
GREEDY = Sampling(seed=0)


class Told:
    """A loop, and all that it says."""

    def __init__(self, model: PreTrainedModel, **options: Any) -> None:
        self.progress: dict[str, Progress] = {}
        self.steps = 0
        self.at_step: Callable[[int], None] = lambda _step: None
        self._ended: dict[str, Event] = {}
        options = {"tokens": 16 * tiny.CONTEXT, "slots": 8, "end_ids": {0}, "compile_after": None} | options
        self.loop = SlotLoop(model, deliver=self._hear, stepped=self._count, **options)
        self.loop.start()

    def ask(self, key: str, ids: list[int], most: int = MOST, sampling: Sampling = GREEDY) -> None:
        self._ended[key] = Event()
        assert self.loop.add(key, ids, most, sampling)

    def answer(self, key: str) -> Progress:
        assert self._ended[key].wait(SECONDS)
        return self.progress[key]

    def _hear(self, told: list[Progress]) -> None:
        for one in told:
            self.progress[one.key] = one
            if one.finished or one.failed:
                self._ended[one.key].set()

    def _count(self) -> None:
        self.steps += 1
        self.at_step(self.steps)

    def stop(self) -> None:
        assert self.loop.stop(SECONDS)
