"""A version that this worker should hold, and one that it holds: what it takes, its engine, its slots."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from mainspring.metrics.labels import Labels
from mainspring.serving.engine import Engine
from mainspring.tables import EngineWish, Task, Version
from workers.slots import Slots


@dataclass(frozen=True)
class Wanted:
    """As the rows have it. `path`: its folder. `base_files`: of an adapter, the digests of its base's files."""

    version: Version
    path: Path
    task: Task
    wish: EngineWish
    base_files: dict[str, str] | None = None


@dataclass(frozen=True)
class Need:
    """Bytes that a version takes: its `own`, and those of `weights`, which all versions `of` one model have in common."""

    own: int
    weights: int = 0
    of: str | None = None

    @property
    def alone(self) -> int:
        """Where nobody else has its weights."""
        return self.own + self.weights


def taken(needs: Iterable[Need]) -> int:
    """Bytes that versions take together. Weights count once, and for as long as one version has them."""
    own, weights = 0, dict[str, int]()
    for need in needs:
        own += need.own if need.of is not None else need.alone
        if need.of is not None:
            weights[need.of] = max(need.weights, weights.get(need.of, 0))
    return own + sum(weights.values())


@dataclass(eq=False)
class Held:
    """`ready` is false while its engine is being rebuilt or it is on its way out."""

    wanted: Wanted
    need: Need
    engine: Engine
    ready: bool = True
    slots: Slots = field(init=False)

    def __post_init__(self) -> None:
        self.slots = Slots(self.engine.capacity)

    @property
    def version_id(self) -> UUID:
        return self.wanted.version.id

    @property
    def deployment(self) -> str:
        return self.wanted.version.deployment

    @property
    def label(self) -> str:
        return self.wanted.version.label

    @property
    def labels(self) -> Labels:
        return Labels(self.wanted.version.deployment, self.label)

    @property
    def task(self) -> Task:
        return self.wanted.task
