"""What a training loop does, as a recipe's parameters say it."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self

from mainspring.training.errors import TrainingFailed

WARMUP_SHARE, LONGEST_WARMUP = 10, 100  # a tenth of the steps, and so many at most
EVALUATION_SHARE = (
    0.3  # of the examples learned between two evaluations: a tenth of their time, since backward costs two
)


class Decay(StrEnum):
    """How the learning rate falls after the warm-up: to nothing over all steps, or over the last fifth of them alone."""

    COSINE = "cosine"
    WSD = "wsd"


@dataclass(frozen=True)
class Loop:
    """`batch_size`: examples a step, on whatever number of processes, taken in `accumulation_steps` parts.

    A model that goes on from a base is warmed up again as one from nothing is, and its rate falls again (Ibrahim et al.
    2024). With `evaluate_steps` the held-out loss is looked at that often, and the best of what was seen is the result;
    with `patience` it ends after so many looks without a better one. `checkpoint_steps`: at least that often one is
    written; by time it happens anyway.
    """

    steps: int
    batch_size: int
    seed: int = 0
    checkpoint_steps: int = 100
    accumulation_steps: int = 1
    evaluate_steps: int | None = None
    patience: int | None = None
    warmup_steps: int | None = None
    decay: Decay = Decay.COSINE

    @classmethod
    def of(cls, schedule: Any) -> Self:
        """From whatever has some of these as attributes, and `steps` and `batch_size` in any case."""
        found = {one.name: getattr(schedule, one.name) for one in fields(cls) if hasattr(schedule, one.name)}
        return cls(**found | {"decay": Decay(found.get("decay", Decay.COSINE))})

    @property
    def warmup(self) -> int:
        if self.warmup_steps is not None:
            return min(self.warmup_steps, self.steps)
        return min(self.steps // WARMUP_SHARE, LONGEST_WARMUP)

    @property
    def looks(self) -> int | None:
        """Steps between two looks at the held-out loss; None: it is only looked at in the end."""
        if self.evaluate_steps is None and self.patience is not None:
            return max(1, self.steps // 10)
        return self.evaluate_steps

    @property
    def looked_at(self) -> int:
        """Examples of those held out that a look takes, so that all of them together cost a tenth of the time."""
        return max(self.batch_size, int(EVALUATION_SHARE * (self.looks or 0) * self.batch_size))

    def micro_batch(self, processes: int) -> int:
        """Examples that one process takes at a time. Raises TrainingFailed when they cannot be shared out evenly."""
        parts = self.accumulation_steps * processes
        if self.batch_size % parts:
            raise TrainingFailed(
                f"a batch of {self.batch_size} examples cannot be shared out among {processes} processes, "
                f"each {self.accumulation_steps} at a time",
                field="parameters.batch_size",
                remedy=f"Give a multiple of {parts}, or other accumulation_steps.",
            )
        return self.batch_size // parts
