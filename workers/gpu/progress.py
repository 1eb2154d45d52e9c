"""What every decode loop is and tells: the engine of causal models runs over any of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from transformers import PreTrainedModel

from workers.gpu.sampling import Sampling


@dataclass(frozen=True)
class Progress:
    """All tokens of a request so far with their log-probabilities. `failed`: the loop gave it up.

    `entropy`: of the distributions that they were chosen from, summed, in nats. `prompt_logprob`: as in perplexity.py.
    """

    key: str
    tokens: list[int]
    logprobs: list[float]
    finished: bool
    failed: bool
    entropy: float = 0.0
    prompt_logprob: float | None = None


Deliver = Callable[[list[Progress]], None]


class DecodeLoop(Protocol):
    """A thread that decodes all requests in one batch, a step at a time. It knows token ids and nothing of text."""

    @property
    def alive(self) -> bool: ...

    @property
    def death(self) -> str:
        """What killed the loop, by name."""
        ...

    @property
    def cache_used(self) -> float:
        """How much of the cache is taken, from 0 to 1."""
        ...

    def start(self) -> None:
        """Raises ValueError or RuntimeError when it cannot serve the model."""
        ...

    def add(self, key: str, ids: list[int], max_tokens: int, sampling: Sampling, scope: str = "") -> bool:
        """False: the loop is dead or stopping, and the request was not taken.

        `scope`: whose requests may use what was computed for it, where the loop itself decides that.
        """
        ...

    def cancel(self, key: str) -> None:
        """Takes effect before the next step; nothing more is delivered after that."""
        ...

    def stop(self, seconds: float) -> bool:
        """Whether it ended in that time."""
        ...


class LoopMaker(Protocol):
    """`tokens`: positions that the cache may hold. `deliver` and `stepped` are called after every step."""

    def __call__(
        self,
        model: PreTrainedModel,
        *,
        tokens: int,
        slots: int,
        end_ids: set[int],
        deliver: Deliver,
        stepped: Callable[[], None],
    ) -> DecodeLoop: ...
