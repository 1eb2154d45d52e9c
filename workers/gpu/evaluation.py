"""Carry out an evaluation: both versions' files at hand, measured side by side."""

from pathlib import Path

from mainspring.evaluation.suite import Suite
from mainspring.registry.remote import remote
from mainspring.tables import Evaluation, Event, Version
from mainspring.work import Fence
from workers.gpu.attempt import Attempt, Bench
from workers.gpu.evaluating.evaluate import evaluate
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
        results = evaluate(
            Suite.model_validate(self._evaluation.suite, strict=False),
            self._files(challenger),
            None if champion is None else self._files(champion),
            self.settings.datasets,
            self.tell,
            settings=self.settings,
        ).as_json()
        persist(lambda: self._keep(challenger, champion, results), self.settings.lease_seconds)
        return challenger.label

    def clear(self) -> None:
        """It leaves nothing behind."""

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
