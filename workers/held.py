"""A version that this worker holds: its engine, its slots, and whether it takes jobs."""

from dataclasses import dataclass, field
from uuid import UUID

from mainspring.serving.engine import Engine
from mainspring.tables import EngineWish
from workers.slots import Slots


@dataclass
class Held:
    """`ready` is false while its engine is being rebuilt or it is on its way out."""

    version_id: UUID
    label: str
    path: str
    task: str
    memory_bytes: int
    wish: EngineWish
    engine: Engine
    ready: bool = True
    slots: Slots = field(init=False)

    def __post_init__(self) -> None:
        self.slots = Slots(self.engine.capacity)
