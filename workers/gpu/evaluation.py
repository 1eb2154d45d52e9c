"""Carry out an evaluation: both versions' files at hand, measured side by side."""

from pathlib import Path

from mainspring.evaluation.suite import Suite
from mainspring.registry.remote import remote
from mainspring.tables import Evaluation, Event, Version
from mainspring.training.errors import RunInterrupted
from mainspring.work import Fence
from workers.gpu.attempt import Attempt, Bench
from workers.gpu.court import Court
from workers.gpu.evaluating.evaluate import evaluate
from workers.gpu.evaluating.prompted import Ask
from workers.persist import persist

ACTOR = "train worker"


class EvaluationAttempt(Attempt):
    """Of an evaluation."""

    remedy = "See the train worker's log. Out of memory: fewer `items` in the policy's `evaluation`."

    def __init__(self, bench: Bench, fence: Fence, evaluation: Evaluation) -> None:
        super().__init__(bench, fence)
        self._evaluation = evaluation

    def make(self) -> str:
        with self.database.transaction() as session:
            challenger = session.get_one(Version, self._evaluation.challenger_id)
            beside = self._evaluation.champion_id
            champion = None if beside is None else session.get_one(Version, beside)
        suite = Suite.model_validate(self._evaluation.suite, strict=False)
        results = evaluate(
            suite,
            self._files(challenger),
            None if champion is None else self._files(champion),
            self.settings.datasets,
            self.tell,
            settings=self.settings,
            ask=self._judge(suite),
        ).as_json()
        persist(lambda: self._keep(challenger, champion, results), self.settings.lease_seconds)
        return challenger.label

    def clear(self) -> None:
        """It leaves nothing behind."""

    def _judge(self, suite: Suite) -> Ask | None:
        """None: the policy names none, or it has no version."""
        if suite.plan.judge is None:
            return None
        court = Court(self.database, suite.plan.judge, f"judging {self.fence.id}", self._go_on)
        return court.ask if court.sits() else None

    def _go_on(self) -> None:
        """Raises RunInterrupted, RunLost, RunCancelled."""
        if self.stopping():
            raise RunInterrupted("the worker is stopping")
        self.tell(0.9, "the judge compares", {})

    def _files(self, version: Version) -> Path:
        behind = remote(self.settings)
        if behind is not None:
            behind.fetch(version.digest)
        return self.settings.store / version.path

    def _keep(self, challenger: Version, champion: Version | None, results: dict[str, object]) -> None:
        beside = "" if champion is None else f" beside {champion.label}"
        inputs = {"evaluation": str(self._evaluation.id)}
        with self.database.transaction() as session:
            session.add(
                Event(
                    kind="version.evaluated",
                    about=challenger.label,
                    actor=ACTOR,
                    reason=f"measured{beside}",
                    inputs=inputs,
                )
            )
            self.finished(session, results=results)
