"""How many deliveries a process sends at once, and whose: the slow ones must not take all its hands. No I/O here."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID


class Receiver(NamedTuple):
    """Whose deliveries, and where to. `lane` stands for the host: one of 256, so that there are never too many."""

    tenant_id: UUID
    lane: int


class Hands:
    """A tenant is given a hand only while it holds fewer than are free, a receiver while it holds less than half of that.

    So a tenant alone gets half of them and a receiver alone a third, two slow tenants a third each, and so on: whoever
    comes next finds one free (dynamic thresholds, Choudhury and Hahne, 1998). Not thread-safe.
    """

    def __init__(self, many: int) -> None:
        self.free = many
        self._held: Counter[UUID | Receiver] = Counter()

    def choose(self, waiting: Iterable[tuple[UUID, Receiver]]) -> list[UUID]:
        """Of deliveries in the order of their time those that may be sent now. They hold nothing yet."""
        free, held, chosen = self.free, self._held.copy(), []
        for delivery, receiver in waiting:
            if held[receiver.tenant_id] < free and 2 * held[receiver] < free:
                held.update((receiver.tenant_id, receiver))
                free -= 1
                chosen.append(delivery)
        return chosen

    def hold(self, receiver: Receiver) -> None:
        """One hand sends to it."""
        self.free -= 1
        self._held.update((receiver.tenant_id, receiver))

    def release(self, receiver: Receiver) -> None:
        """That hand is free again."""
        self.free += 1
        self._held.subtract((receiver.tenant_id, receiver))
        self._held = +self._held
