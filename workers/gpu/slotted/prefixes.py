"""What stands in the slots, so that a prompt which begins as another one did is not read again.

A slot that was left keeps its keys and values until somebody takes it or its memory is given back. Who comes with the
same beginning goes on from there, or gets a copy: reading a token costs a hundred times what copying it does.

Only within a scope: the time that an answer takes must not say what others have asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.gpu.slotted.grains import alike
from workers.gpu.slotted.request import Request

SHORTEST = 16  # tokens: fewer are read in the same pass as the rest


@dataclass(frozen=True)
class Left:
    """Whose first tokens stand in a slot; so many of them were asked, the rest is an answer."""

    ids: list[int]
    scope: str
    asked: int


@dataclass(frozen=True)
class Copy:
    """The first so many positions of a slot, wanted in another one."""

    source: int
    target: int
    tokens: int


class Prefixes:
    """`whole`: positions are taken only if reading them would give the same numbers, bit by bit.

    In bfloat16 an answer's tokens, written one by one, are rounded otherwise than a prompt's, read many together.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._left: dict[int, Left] = {}  # the one that was left longest ago first

    def leave(self, slot: int, request: Request) -> None:
        self.forget(slot)
        if request.fed >= SHORTEST:
            self._left[slot] = Left(request.span(0, request.fed), request.scope, len(request.ids))

    def forget(self, slot: int) -> None:
        self._left.pop(slot, None)

    def place(self, request: Request, held: Sequence[Request | None]) -> tuple[int, Copy | None]:
        """One of the free slots for it, and what to copy there before; `fed` says how much of it stands there then."""
        free = [slot for slot, holder in enumerate(held) if holder is None]
        source, tokens = self.longest(request, held)
        target = self._least(free)
        if source in free and (source == target or 2 * tokens >= len(self._left[source].ids)):
            target = source
        request.fed = request.shared = tokens
        self.forget(target)
        return target, Copy(source, target, tokens) if tokens and source != target else None

    def meanwhile(self, request: Request, slot: int, held: Sequence[Request | None]) -> Copy | None:
        """What others have read since it was placed there, if nothing was read for it yet."""
        if request.fed > request.shared:
            return None
        source, tokens = self.longest(request, held)
        if tokens < request.fed + SHORTEST:
            return None
        request.fed = request.shared = tokens
        return Copy(source, slot, tokens)

    def longest(self, request: Request, held: Sequence[Request | None]) -> tuple[int, int]:
        """The slot that begins as it does, and up to where; its last token is read in any case."""
        asked, found = request.span(0, request.total - 1), {}
        for slot, left in self._left.items():
            if left.scope == request.scope:
                found[slot] = self._same(request, common(asked, left.ids), left.asked)
        for slot, holder in enumerate(held):
            if holder is not None and holder.scope == request.scope:
                both = common(asked, holder.span(0, holder.fed))
                found[slot] = self._same(request, both, len(holder.ids))
        slot = max(found, key=lambda one: found[one], default=-1)
        return (slot, found[slot]) if found.get(slot, 0) >= SHORTEST else (-1, 0)

    def _same(self, request: Request, tokens: int, asked: int) -> int:
        """How many of so many tokens may be taken from a slot; `asked` of them are a prompt's."""
        return alike(tokens, asked, len(request.ids)) if self._whole else tokens

    def _least(self, free: list[int]) -> int:
        """Where nothing is lost, or what was left longest ago."""
        empty = [slot for slot in free if slot not in self._left]
        return empty[0] if empty else next(slot for slot in self._left if slot in free)


def common(one: list[int], other: list[int]) -> int:
    """With how many of the same tokens both begin."""
    if one[:SHORTEST] != other[:SHORTEST]:
        return 0
    both = zip(one, other, strict=False)
    return next((index for index, (a, b) in enumerate(both) if a != b), min(len(one), len(other)))
