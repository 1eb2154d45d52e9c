"""Who waits, who holds a slot, and what is fed next: policy over numbers, without a tensor.

The youngest gives its slot back when the cache cannot hold what all have come to; it waits in front and is fed
again from its first token. What it had written stays, and randomness depends on the position alone.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from workers.gpu.slotted.pace import Pace
from workers.gpu.slotted.request import Request

_AHEAD = 64  # positions that a newcomer should find free, so that it is not sent back at once
_ROUND = 64  # positions; memory comes in pages, of 16 positions or 32 with the usual widths


@dataclass(frozen=True)
class Part:
    """The tokens `begin` to `end` of a request, to be fed into its slot."""

    slot: int
    request: Request
    begin: int
    end: int


class Fed(NamedTuple):
    """One token of a request that decodes. A slot of -1: the row is padding."""

    token: int
    position: int
    slot: int


class Table:
    """`held[slot]` is the request in that slot. `tokens`: positions that the cache may hold, of all slots together."""

    def __init__(self, slots: int, tokens: int, pace: Pace) -> None:
        self._tokens, self._pace = tokens, pace
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
        while self.waiting and len(self._order) < len(self.held):
            if self._order and self._soon([*self._order, self.waiting[0]]) > self._tokens:
                return
            request = self.waiting.popleft()
            self.held[self.held.index(None)] = request
            self._order.append(request)

    def make_room(self) -> None:
        """Send the youngest back until the others' positions fit; the oldest stays."""
        while len(self._order) > 1 and sum(self.needed()) > self._tokens:
            youngest = self._order[-1]
            self.release(youngest)
            youngest.fed = 0
            self.waiting.appendleft(youngest)

    def needed(self) -> list[int]:
        """Positions of each slot that take memory from now on."""
        return [0 if request is None else _rounded(request.total) for request in self.held]

    def parts(self) -> list[Part]:
        """What is read of prompts in the next pass, the oldest first."""
        reading = [request for request in self._order if request.left > 1]
        budget = self._pace.chunk(len(reading), len(self._order) - len(reading))
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

    @staticmethod
    def _soon(requests: list[Request]) -> int:
        return sum(_rounded(min(request.total + _AHEAD, request.final)) for request in requests)


def _rounded(positions: int) -> int:
    return -(-positions // _ROUND) * _ROUND
