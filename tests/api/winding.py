"""A pair of hands that carry out the loop's work, by the core; and its rounds, as the ops worker makes them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from mainspring import work
from mainspring.evaluation.results import Estimate, Measured, Results
from mainspring.refresh.judging import judge_one, unjudged
from mainspring.refresh.stepping import open_ones, step
from mainspring.refresh.taking import take
from mainspring.serving import lease
from mainspring.tables import Database, Dataset, Evaluation, TrainingRun, Version, WorkState
from mainspring.work import Fence
from tests.rows import registered

CURATE = {"uploads": [{"path": "/nowhere/rows.jsonl"}]}
POLICY: dict[str, Any] = {
    "refresh": {"curate": CURATE},
    "gate": {
        "metrics": {
            "likelihood.new": {"role": "must_rise", "at_least": 1.0},
            "likelihood.old": {"role": "must_not_fall", "tolerance": 0.1},
        }
    },
    "rollout": {"steps": []},
}


def results(new: float = 2.0, old: float = 0.0) -> dict[str, Any]:
    """By how much the likelihood of either domain rose."""
    measured = tuple(
        Measured(
            name=f"likelihood.{name}",
            unit="nats per token",
            better="higher",
            challenger=Estimate(-3 + gain, -3.01 + gain, -2.99 + gain),
            champion=Estimate(-3.0, -3.01, -2.99),
            difference=Estimate(gain, gain - 0.01, gain + 0.01),
            items=200,
            clusters=100,
        )
        for name, gain in (("new", new), ("old", old))
    )
    return Results(0.95, measured).as_json()


class Trainer:
    """One life of a train worker."""

    def __init__(self, database: Database) -> None:
        self.database, self.made = database, 1
        with database.transaction() as session:
            self.incarnation = lease.begin(session, "train", 600)

    def claim(self) -> Fence:
        with self.database.transaction() as session:
            found = work.claim(session, self.incarnation, max_losses=5)
            assert found is not None
            return Fence(type(found), found.id, self.incarnation, found.attempt)

    def tell(self, fence: Fence, fraction: float, activity: str, **measures: Any) -> work.Said:
        with self.database.transaction() as session:
            return work.progress(session, fence, fraction, activity, measures)

    def finish(self, fence: Fence, **more: Any) -> None:
        """As such work ends when all goes well."""
        with self.database.transaction() as session:
            values = self._made(fence) | more
            if fence.kind is TrainingRun:
                run = session.get_one(TrainingRun, fence.id)
                self.made += 1
                source = {"recipe": run.recipe, "run": str(run.id)}
                version = registered(session, run.deployment, self.made, source=source)
                values["version_id"] = version.id
            assert fence.end(session, WorkState.SUCCEEDED, "done", progress=1.0, **values)

    def fail(self, fence: Fence, detail: str) -> None:
        with self.database.transaction() as session:
            assert work.fail(session, fence, {"code": "training_failed", "detail": detail})

    def carry_out(self, **more: Any) -> None:
        """Whatever waits longest."""
        self.finish(self.claim(), **more)

    def _made(self, fence: Fence) -> dict[str, Any]:
        if fence.kind is Dataset:
            card = {"origins": {"upload": 120}, "removed": {"duplicate": 3}}
            rows = {"train": 100, "held_out": 20}
            return {"digest": fence.id.hex * 2, "rows": rows, "bytes": 4096, "card": card}
        return {"results": results()} if fence.kind is Evaluation else {}


def rounds(database: Database, most: int = 8) -> None:
    """All that the ops worker does of itself."""
    with database.transaction() as session:
        take(session)
        going = open_ones(session)
    for one in going:
        for _ in range(most):
            with database.transaction() as session:
                if not step(session, one, datetime.now(UTC)).moved:
                    break
    with database.transaction() as session:
        for one in unjudged(session):
            judge_one(session, one)


def staged(database: Database, version_id: UUID) -> str:
    with database.transaction() as session:
        return session.get_one(Version, version_id).stage
