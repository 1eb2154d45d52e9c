"""One request in the loop: what is fed to the model, and what has come out."""

import math
from dataclasses import dataclass, field

from workers.gpu.progress import Progress
from workers.gpu.sampling import Sampling
from workers.gpu.slotted.grains import SHORT


@dataclass(eq=False)
class Request:
    """`fed`: how many of its tokens, the prompt's first, have their keys and values in the cache.

    `shared`: of so many they were computed for others. `scope`: whose may be used for it. `entropy`, `prompt_logprob`: as
    in Progress.
    """

    key: str
    ids: list[int]
    max_tokens: int
    sampling: Sampling
    scope: str = ""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    entropy: float = 0.0
    prompt_logprob: float | None = None
    fed: int = 0
    shared: int = 0

    @property
    def total(self) -> int:
        return len(self.ids) + len(self.tokens)

    @property
    def left(self) -> int:
        """How many tokens are to be fed before the next one is known: one while it decodes."""
        return self.total - self.fed

    @property
    def long(self) -> bool:
        """Whether some of it is read in grains, which costs more a token."""
        return self.total > SHORT

    @property
    def final(self) -> int:
        return len(self.ids) + self.max_tokens

    @property
    def finite(self) -> bool:
        return all(map(math.isfinite, self.logprobs[-1:]))

    def span(self, begin: int, end: int) -> list[int]:
        """Its tokens from `begin` to `end`, counted over prompt and answer."""
        prompt = len(self.ids)
        return self.ids[begin:end] + self.tokens[max(0, begin - prompt) : max(0, end - prompt)]

    def last(self) -> int:
        return self.tokens[-1] if self.tokens else self.ids[-1]

    def write(self, token: int, logprob: float, entropy: float) -> None:
        self.tokens.append(token)
        self.logprobs.append(logprob)
        self.entropy += entropy

    def finished(self, end_ids: set[int]) -> bool:
        """Also when its numbers stopped being finite: whatever followed would be noise."""
        return len(self.tokens) >= self.max_tokens or self.tokens[-1] in end_ids or not self.finite

    def progress(self, *, finished: bool, failed: bool = False) -> Progress:
        """Copies, because the lists grow while the reader reads."""
        return Progress(
            self.key,
            self.tokens[:],
            self.logprobs[:],
            finished,
            failed,
            self.entropy,
            self.prompt_logprob,
        )

    def failure(self) -> Progress:
        return self.progress(finished=False, failed=True)
