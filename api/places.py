"""Places for the bulks of each tenant: who finds none waits in the event loop, and holds neither a thread nor a connection."""

import asyncio
from uuid import UUID
from weakref import WeakValueDictionary

EACH = 4  # some are checked while others are stored


class Places:
    """Of one event loop. `async with places.of(tenant):`"""

    def __init__(self) -> None:
        self._taken: WeakValueDictionary[UUID, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, tenant_id: UUID) -> asyncio.Semaphore:
        """It goes when nobody holds it or waits for it."""
        return self._taken.setdefault(tenant_id, asyncio.Semaphore(EACH))
