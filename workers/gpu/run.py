"""Carry out a training run: make a model by its recipe, look at it, and register it as a version."""

import re
from typing import Any

from mainspring import registry
from mainspring.evaluation.plan import GatePlan, SuitePlan, gate_plan, suite_plan
from mainspring.registry.remote import remote
from mainspring.tables import Dataset, Deployment, Task, TrainingRun, Version
from mainspring.training.errors import TrainingFailed
from mainspring.training.recipes import IMPORT, SHAPES, Parameters
from mainspring.work import Fence
from workers.gpu import registering
from workers.gpu.attempt import Attempt, Bench
from workers.gpu.contest import Contest
from workers.gpu.load import check_loadable
from workers.gpu.recipes.book import RECIPES
from workers.gpu.recipes.launching import launch
from workers.gpu.recipes.workshop import Made, Workshop
from workers.persist import persist

LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}@[0-9]{1,9}")


class RunAttempt(Attempt):
    """Of a training run."""

    remedy = "See the train worker's log. Out of memory: a smaller batch_size or block_length."

    def __init__(self, bench: Bench, fence: Fence, run: TrainingRun) -> None:
        super().__init__(bench, fence)
        self._run = run
        folder = self.settings.home / "training" / str(run.id)
        self._workshop = Workshop(folder, run.attempt, self.tell, self.stopping, self.settings.datasets)

    def make(self) -> str:
        task = self._task()
        made = self._made(self._run.parameters | self._dataset(), task)
        self._workshop.step(0.96, "checking that it loads")
        behind, base = remote(self.settings), made.source.get("base_digest")
        if behind is not None and base is not None:
            behind.fetch(base)
        found = registry.inspect(made.folder, task, self.settings.store)
        with registry.copied(self.settings.store, made.folder, found.files) as copy:
            checked = check_loadable(copy.folder, task.value)
            self._workshop.step(0.98, "registering it")
            stored = copy.keep()
        if behind is not None:
            behind.push(stored)
        version = persist(lambda: self._release(made, found, stored, checked), self.settings.lease_seconds)
        return version.label

    def clear(self) -> None:
        self._workshop.clear()

    def _made(self, given: dict[str, Any], task: Task) -> Made:
        """The one that is asked for, or the best of several."""
        given |= self._base(given)
        if not given.get("candidates"):
            return self._trained(SHAPES[self._run.recipe].model_validate(given), task, self._workshop)
        several = {name: one | self._base(one) for name, one in given["candidates"].items()}
        contest = Contest(
            self._run.recipe,
            given | {"candidates": several},
            task,
            *self._plans(),
            self.settings,
            lambda parameters, workshop: self._trained(parameters, task, workshop),
        )
        return contest.made(self._workshop)

    def _trained(self, parameters: Parameters, task: Task, workshop: Workshop) -> Made:
        """Here, or in the processes of a launcher."""
        recipe, command = self._run.recipe, self.settings.train_launch
        if command and recipe != IMPORT:
            return launch(command, recipe, parameters.model_dump(exclude_none=True), task, workshop)
        return RECIPES[recipe](parameters, task, workshop)

    def _plans(self) -> tuple[SuitePlan, GatePlan]:
        with self.database.transaction() as session:
            policy = session.get_one(Deployment, self._run.deployment).policy
        return suite_plan(policy), gate_plan(policy)

    def _release(
        self, made: Made, found: registry.Inspection, stored: registry.Stored, checked: dict[str, Any]
    ) -> Version:
        """Version, stage, events and the run's end are one transaction: all of it or nothing."""
        measures = TrainingRun.measures.op("||")(registering.measures(made))
        with self.database.transaction() as session:
            version = registering.register(session, self._run, made, found, stored, dtype=checked["dtype"])
            registering.keep_dataset(session, self._run, made, self.settings.datasets)
            self.finished(session, version_id=version.id, measures=measures)
            return version

    def _dataset(self) -> dict[str, str]:
        """The digest of what it learns from. Raises TrainingFailed if that could not be made."""
        if self._run.dataset_id is None:
            return {}
        with self.database.transaction() as session:
            made = session.get_one(Dataset, self._run.dataset_id)
        if made.digest is None:
            raise TrainingFailed(
                f"what it was to learn from has {made.state}", remedy=(made.error or {}).get("remedy")
            )
        return {"dataset": made.digest}

    def _base(self, given: dict[str, Any]) -> dict[str, str]:
        """Where the files of the version are that it begins from, if it is one of ours, such as `assistant@3`."""
        named = given.get("base")
        if self._run.recipe == IMPORT or named is None or LABEL.fullmatch(named) is None:
            return {}
        with self.database.transaction() as session:
            version = registry.whole(session, named)
        behind = remote(self.settings)
        if behind is not None:
            behind.fetch(version.digest)
        return {"base": str(self.settings.store / version.path)}

    def _task(self) -> Task:
        with self.database.transaction() as session:
            return Task(session.get_one(Deployment, self._run.deployment).task)
