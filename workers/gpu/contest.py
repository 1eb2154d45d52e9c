"""A run of several candidates: each trains for a while, is measured as the gate would, and the better half goes on."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mainspring.curation.rows import FRESH, Origin
from mainspring.errors import MainspringError
from mainspring.evaluation.defaults import filled
from mainspring.evaluation.plan import GatePlan, SuitePlan
from mainspring.evaluation.ranking import rank
from mainspring.evaluation.suite import MeasuringSet, Suite
from mainspring.logs import log
from mainspring.settings import Settings
from mainspring.tables import Task
from mainspring.training.errors import RunCancelled, RunInterrupted, TrainingFailed
from mainspring.training.recipes import SHAPES, Parameters, candidate
from workers.gpu.evaluating import evaluate
from workers.gpu.load import check_loadable
from workers.gpu.recipes import choosing, launching
from workers.gpu.recipes.selection import END, select
from workers.gpu.recipes.workshop import Made, Workshop

MOST_ITEMS = 200  # of each set, each time
MEASURING = 0.97  # of a candidate's turn
_WORST = (float("-inf"),)


@dataclass(frozen=True)
class Contest:
    """`given`: the run's parameters, with the files of each base. `make`: carries out what is asked of one candidate."""

    recipe: str
    given: dict[str, Any]
    task: Task
    suite: SuitePlan
    gate: GatePlan
    settings: Settings
    make: Callable[[Parameters, Workshop], Made]

    def made(self, workshop: Workshop) -> Made:
        """By the best of them. Raises TrainingFailed when none could be trained; RunInterrupted, RunLost, RunCancelled."""
        datasets = workshop.folder / "datasets"
        digest = choosing.set_apart(workshop.datasets, self.given["dataset"], datasets)
        if (replay := self.given.get("replay")) is not None:
            choosing.beside(workshop.datasets, replay["dataset"], datasets)

        def go(name: str, at: Workshop, steps: int, until: int) -> dict[str, Any]:
            asked = candidate(self.given, name, steps) | {"dataset": digest}
            return self._tried(asked, replace(at, until=until, datasets=datasets))

        names, budget = list(self.given["candidates"]), self.given["steps"]
        chosen = select(names, budget, workshop, go, _score)
        if "failed" in chosen.measures:
            raise TrainingFailed(
                f"none of the candidates could be trained; {chosen.name}: {chosen.measures['failed']}",
                field="parameters.candidates",
                remedy="Train one of them alone: the run then says what to change.",
            )
        workshop.tell(END, f"chosen: {chosen.name}", {"candidates": chosen.results, "chosen": chosen.name})
        made = launching.result(chosen.workshop.folder, 0)
        told = {"chosen": chosen.name, "steps": budget, "results": chosen.results}
        return replace(made, source=made.source | {"candidates": told}, dataset=self._learnt(made))

    def _tried(self, asked: dict[str, Any], at: Workshop) -> dict[str, Any]:
        """A candidate that cannot be trained or measured loses, and the others go on."""
        shutil.rmtree(at.output, ignore_errors=True)
        try:
            made = self.make(SHAPES[self.recipe].model_validate(asked), at)
            at.step(MEASURING, "measuring")
            launching.end(at.folder, made)
            return made.measures | self._measured(made.folder, asked["dataset"], at)
        except (RunInterrupted, RunCancelled):  # or lost
            raise
        except MainspringError as error:
            log.warning("run.candidate_failed", folder=at.folder.name, code=error.code, why=error.detail)
            return {"failed": error.detail}

    def _measured(self, folder: Path, digest: str, at: Workshop) -> dict[str, float]:
        """How it ranks; nothing, where the gate asks for nothing that can be measured of these rows."""
        sets = (
            MeasuringSet(name="new", dataset=digest, origins=FRESH),
            MeasuringSet(name="old", dataset=digest, origins=frozenset({Origin.REPLAY})),
        )
        alone: dict[str, Any] = {
            "sets": {},
            "golden": (),
            "judge": None,
            "harness": None,
            "timed": 0,
            "perturbed": 0,
        }
        plan = self.suite.model_copy(update=alone | {"items": min(self.suite.items, MOST_ITEMS)})

        def tell(fraction: float, activity: str, _: dict[str, Any]) -> None:
            at.step(MEASURING + (1 - MEASURING) * fraction, f"measuring · {activity}")

        suite = Suite(task=self.task, sets=sets, plan=plan)
        results = evaluate(suite, folder, self._begun_from, at.datasets, tell, settings=self.settings)
        broken, gained = rank(filled(self.gate, self.task), results)
        figures = {one.name: one.challenger.value for one in results.measured if one.challenger}
        return figures | ({} if broken == float("-inf") else {"broken": -broken, "gained": gained})

    @cached_property
    def _begun_from(self) -> Path | None:
        """What each is measured beside: the run's own base, if that does the task already."""
        place = Path(self.given.get("base") or "")
        try:
            check_loadable(place, self.task.value)
        except MainspringError:
            return None
        return place

    def _learnt(self, made: Made) -> dict[str, Any]:
        """As what it was asked to learn from is named, of which a part has chosen."""
        known = made.dataset or {}
        origin = known.get("origin", {}) | {"dataset": self.given["dataset"]}
        return known | {"digest": self.given["dataset"], "origin": origin}


def _score(measures: Mapping[str, Any]) -> tuple[float, ...]:
    """By the gate's metrics; where there are none, by the loss on the same rows."""
    if "failed" in measures:
        return _WORST
    if "gained" in measures:
        return -measures["broken"], measures["gained"]
    return 0.0, -measures["loss"]
