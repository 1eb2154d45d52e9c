"""Who waits, who holds which slot, and what is fed next: policy over numbers, without a tensor.

The youngest gives its slot back when the cache must grow longer and then holds fewer slots; it waits in front and
is fed again from its first token. What it had written stays, and randomness depends on the position alone.
"""

from collections import deque
from dataclasses import dataclass

from workers.gpu.slotted.lengths import length_for, slots_for
from workers.gpu.slotted.request import Request

_ALONE = 4  # so many chunks at once when nobody decodes, because nobody waits
_AHEAD = 64  # positions that a newcomer should find free, so that it is not sent back at once


@dataclass(frozen=True)
class Part:
    """The tokens `begin` to `end` of a request, to be fed into its slot."""

    slot: int
    request: Request
    begin: int
    end: int


class Table:
    """`held[slot]` is the request in that slot. `chunk`: tokens of prompts between two decode steps."""

    def __init__(self, slots: int, tokens: int, chunk: int) -> None:
        self._slots, self._tokens, self._chunk = slots, tokens, chunk
        self.waiting: deque[Request] = deque()
        self.held: list[Request | None] = [None] * slots
        self._order: list[Request] = []  # of those in slots, the oldest first

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self._order)

    def all(self) -> list[Request]:
        return [*self._order, *self.waiting]

    def drop(self, keys: set[str]) -> None:
        self.waiting = deque(request for request in self.waiting if request.key not in keys)
        for request in [request for request in self._order if request.key in keys]:
            self.release(request)

    def release(self, request: Request) -> None:
        self._order.remove(request)
        self.held[self.held.index(request)] = None

    def admit(self) -> None:
        """Newcomers take free slots in the order in which they came, as long as all fit for a while."""
        while self.waiting and len(self._order) < self._fit([*self._order, self.waiting[0]]):
            request = self.waiting.popleft()
            self.held[self.held.index(None)] = request
            self._order.append(request)

    def parts(self) -> list[Part]:
        """What is read of prompts before the next decode step, the oldest first."""
        reading = [request for request in self._order if request.left > 1]
        budget = self._chunk if len(reading) < len(self._order) else self._chunk * _ALONE
        parts = []
        for request in reading:
            size = min(request.left, budget)
            if size:
                slot = self.held.index(request)
                parts.append(Part(slot, request, request.fed, request.fed + size))
            budget -= size
        return parts

    def decoding(self) -> list[tuple[int, Request]]:
        """Slots and their requests that have one token to feed."""
        return [(slot, r) for slot, r in enumerate(self.held) if r is not None and r.left == 1]

    def length(self) -> int:
        """How long the slots must be for what is fed next, after those were sent back who no longer fit."""
        while True:
            ends = [part.end + 1 for part in self.parts()] + [r.fed + 1 for r in self._order]
            length = length_for(max(ends, default=1), self._tokens)
            if len(self._order) <= slots_for(length, self._tokens, self._slots):
                return length
            youngest = self._order[-1]
            self.release(youngest)
            youngest.fed = 0
            self.waiting.appendleft(youngest)

    def resize(self, slots: int) -> list[int]:
        """Move the requests together into so many slots. Gives for each of the first slots the one it came from."""
        kept = [slot for slot, request in enumerate(self.held) if request is not None]
        if kept and kept[-1] < slots:
            kept = list(range(kept[-1] + 1))  # nobody needs to move
        requests = [self.held[slot] for slot in kept]
        self.held = [*requests, *[None] * (slots - len(kept))]
        return kept

    def _fit(self, requests: list[Request]) -> int:
        longest = max(min(request.total + _AHEAD, request.final) for request in requests)
        return min(len(self.held), slots_for(length_for(longest, self._tokens), self._tokens, self._slots))
