"""How likely a version finds the prompts that it gets: of a sample of them, each by a pass of its own.

What is read of a prompt to answer it would not do: a beginning that stands in the cache is not read again, and the figure
would tell of the cache. So it depends on the prompt and the version alone (docs/decisions/0037).
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol
from uuid import NAMESPACE_OID, UUID, uuid5
from weakref import ref

import torch
from torch import Tensor

from mainspring.observe.sampling import Budget, drawn
from workers.gpu.sampling import likeliest

TOKENS = 128  # of a prompt the last, which of a conversation are the newest, read by themselves
SHARE = 0.005  # of the time
_AHEAD = 10.0  # seconds whose share is there at the start: of a quiet deployment the first prompts are measured too

Read = Callable[
    [Tensor], Tensor
]  # of a text's tokens [tokens] the scores of what follows each [tokens, vocabulary]


class Asked(Protocol):
    """A request of a loop's. `key`: the job's id, and a number behind `#`; `ids`: its prompt."""

    key: str
    ids: list[int]
    prompt_logprob: float | None


class Perplexity:
    """Of one loop's thread. Who has got an answer before its turn is not read any more."""

    def __init__(self, read: Read, device: torch.device, clock: Callable[[], float] = monotonic) -> None:
        """`clock`: in seconds."""
        self._read, self._device, self._clock = read, device, clock
        self._budget = Budget(clock() - _AHEAD)
        self._waiting: deque[ref[Asked]] = deque()

    def draw(self, newcomers: Sequence[Asked]) -> None:
        """As many of them as the time saved so far is enough for, the same jobs that the frozen encoder would see."""
        rate = self._budget.rate(SHARE, len(newcomers), self._clock())
        self._waiting += [ref(one) for one in newcomers if len(one.ids) > 1 and drawn(_job(one.key), rate)]

    def one(self) -> None:
        """Read the next of those that were drawn, if there is one."""
        while self._waiting:
            asked = self._waiting.popleft()()
            if asked is not None:
                begun = self._clock()
                found = self._mean_logprob(asked.ids[-TOKENS:])
                asked.prompt_logprob = found if math.isfinite(found) else None
                self._budget.spent(self._clock() - begun, 1)
                return

    def _mean_logprob(self, tokens: list[int]) -> float:
        """Of all but the first, given those before it, in nats."""
        ids = torch.tensor(tokens, device=self._device)
        scores = self._read(ids)[:-1]
        _, masses, _ = likeliest(scores)
        chosen = scores.gather(1, ids[1:, None]).squeeze(1).float()
        return float((chosen - masses).mean())


def _job(key: str) -> UUID:
    name = key.rpartition("#")[0]
    try:
        return UUID(name)
    except ValueError:  # whoever asks an engine without a job
        return uuid5(NAMESPACE_OID, name)
