"""What examining a version of a task takes: the rows of each set, the wishes, and whom to tell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mainspring.curation.rows import Row
from mainspring.evaluation.suite import Suite
from workers.gpu.evaluating.contestant import Contestant
from workers.gpu.evaluating.items import cluster
from workers.gpu.evaluating.scores import Column
from workers.gpu.evaluating.steps import Steps

Sets = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Examination:
    """Of one contestant."""

    suite: Suite
    sets: Sets
    contestant: Contestant
    steps: Steps

    def clusters(self, name: str) -> list[str]:
        return [cluster(row) for row in self.sets[name]]


Examine = Callable[[Examination], list[Column]]
