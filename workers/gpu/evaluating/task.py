"""What examining a version takes: the rows of each set, the wishes, and whom to tell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mainspring.curation.rows import Row
from mainspring.evaluation.suite import Suite
from workers.gpu.evaluating.contestant import Contestant
from workers.gpu.evaluating.items import source
from workers.gpu.evaluating.scores import Column
from workers.gpu.evaluating.steps import Steps, Tick

Sets = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Examination:
    """Of one contestant. `alone`: there is no other."""

    suite: Suite
    sets: Sets
    contestant: Contestant
    steps: Steps
    alone: bool = False

    def begin(self, activity: str) -> Tick:
        return self.steps.begin(f"{self.contestant.who}: {activity}")

    def wants(self, metric: str, name: str, *, unasked: bool = True) -> bool:
        """Whether it shall be measured of this set; `unasked`: if the plan says nothing of metrics."""
        asked = self.suite.plan.metrics
        return unasked if asked is None else metric in asked or f"{metric}.{name}" in asked


Examine = Callable[[Examination], list[Column]]


def sources(rows: Sequence[Row]) -> list[str]:
    return [source(row) for row in rows]
