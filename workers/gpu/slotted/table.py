"""Who waits, who holds which slot, and what is fed next: policy over numbers, without a tensor.

All slots together may hold so many tokens. The youngest gives its slot back when they would hold more; it waits in
front and is fed again from where it, or another that begins as it does, still stands in a slot. What it had written
stays, and randomness depends on the position alone.
"""

from collections import deque
from dataclasses import dataclass

from workers.gpu.slotted.grains import aligned
from workers.gpu.slotted.pace import Pace
from workers.gpu.slotted.prefixes import Copy, Prefixes
from workers.gpu.slotted.request import Request

_AHEAD = 64  # positions that a newcomer should find free, so that it is not sent back at once


@dataclass(frozen=True)
class Part:
    """The tokens `begin` to `end` of a request, to be fed into its slot."""

    slot: int
    request: Request
    begin: int
    end: int


class Table:
    """`held[slot]` is the request in that slot. `tokens`: held by all slots together; the longest request fits alone.

    `pace`: how much of prompts is read. `whole`: only what comes out the same, bit by bit, is taken from other slots.
    """

    def __init__(self, slots: int, tokens: int, pace: Pace, *, whole: bool = False) -> None:
        self._tokens, self._pace = tokens, pace
        self.waiting: deque[Request] = deque()
        self.held: list[Request | None] = [None] * slots
        self._prefixes = Prefixes(whole=whole)
        self._order: list[Request] = []  # of those in slots, the oldest first

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self._order)

    @property
    def used(self) -> float:
        """How much of the positions is taken by those in slots, from 0 to 1; from any thread."""
        return sum(request.fed for request in list(self._order)) / self._tokens

    def all(self) -> list[Request]:
        return [*self._order, *self.waiting]

    def drop(self, keys: set[str]) -> None:
        self.waiting = deque(request for request in self.waiting if request.key not in keys)
        for request in [request for request in self._order if request.key in keys]:
            self.release(request)

    def release(self, request: Request) -> None:
        self._order.remove(request)
        slot = self.held.index(request)
        self.held[slot] = None
        self._prefixes.leave(slot, request)

    def forget(self, slot: int) -> None:
        """What stands in that slot is of use to nobody."""
        self._prefixes.forget(slot)

    def admit(self) -> list[Copy]:
        """Newcomers take free slots in the order in which they came, as long as all fit for a while.

        Who is read next counts on these copies, made in this order.
        """
        copies: list[Copy] = []
        while self.waiting and None in self.held and self._fits(self.waiting[0]):
            request = self.waiting.popleft()
            slot, copy = self._prefixes.place(request, self.held)
            self.held[slot] = request
            self._order.append(request)
            if copy is not None:
                copies.append(copy)
        while found := self._read_meanwhile():  # and so others are next
            copies += found
        return copies

    def _read_meanwhile(self) -> list[Copy]:
        """Of a crowd that begins alike the first one reads, and who follows it copies."""
        found = (self._prefixes.meanwhile(part.request, part.slot, self.held) for part in self.parts())
        return [copy for copy in found if copy is not None]

    def make_room(self) -> None:
        """Send the youngest back until what is fed next fits."""
        while len(self._order) > 1 and self._next() > self._tokens:
            youngest = self._order[-1]
            self.release(youngest)
            youngest.fed = 0
            self.waiting.appendleft(youngest)

    def parts(self) -> list[Part]:
        """What is read of prompts in the next pass, the oldest first."""
        reading = [request for request in self._order if request.left > 1]
        long = any(request.long for request in reading)
        budget = self._pace.chunk(len(reading), len(self._order) - len(reading), long=long)
        parts: list[Part] = []
        for request in reading:
            size = aligned(request.fed, min(request.left, budget), request.left)
            if not size and not parts:  # a chunk that is fixed at less than a grain
                size = budget
            if size:
                slot = self.held.index(request)
                parts.append(Part(slot, request, request.fed, request.fed + size))
            budget -= size
        return parts

    def decoding(self) -> list[tuple[int, Request]]:
        """Slots and their requests that have one token to feed."""
        return [(slot, r) for slot, r in enumerate(self.held) if r is not None and r.left == 1]

    def written(self, parts: list[Part]) -> dict[int, int]:
        """How many positions of each slot that is held are written once these parts and who decodes are fed."""
        ends = {part.slot: part.end for part in parts}
        return {slot: ends.get(slot, r.fed + 1) for slot, r in enumerate(self.held) if r is not None}

    def _fits(self, request: Request) -> bool:
        soon = sum(min(one.total + _AHEAD, one.final) for one in [*self._order, request])
        return not self._order or soon <= self._tokens

    def _next(self) -> int:
        """Tokens that all slots hold after the next round."""
        read = sum(part.end - part.begin for part in self.parts())
        return sum(request.fed for request in self._order) + read + len(self._order)
