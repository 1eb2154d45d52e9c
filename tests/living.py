"""A deployment that has lived for some days, as rows: two versions, how the second was made, tried and released."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from mainspring.identifiers import uuid7
from mainspring.release import rollout
from mainspring.release.plan import RolloutPlan
from mainspring.tables import (
    Database,
    Evaluation,
    Observation,
    Prompt,
    Rollout,
    TrainingRun,
    Trial,
    TrialState,
    Verdict,
    Version,
    WorkState,
)
from mainspring.tables.partitions import ensure
from mainspring.trials import prompts
from tests.rows import champion, registered, submit

TODAY = datetime(2026, 11, 20, tzinfo=UTC)
NOON = TODAY + timedelta(hours=12)
SECRET = "the vault is behind the mirror"
DIGEST, DATASET = "d" * 64, "e" * 64


def day(number: int) -> datetime:
    """So many before today: its first moment."""
    return TODAY - timedelta(days=number)


class Life:
    """`assistant@1` in production since three days, `assistant@2` its challenger."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction() as session:
            first = champion(session)
            self.run = _trained(session)
            second = registered(
                session,
                "assistant",
                2,
                digest=DIGEST,
                licence="apache-2.0",
                dataset={"digest": DATASET, "examples": 120, "origin": {"folder": "notes"}},
                source={
                    "run": str(self.run),
                    "recipe": "continued-pretraining",
                    "base": "a/base",
                    "parent": "assistant@1",
                },
            )
            self.versions = (first.id, second.id)
            _age(session, first, day(3) + timedelta(hours=5))
            _age(session, second, day(1) + timedelta(hours=5))
            run = session.get_one(TrainingRun, self.run)
            run.state, run.version_id, run.finished_at = WorkState.SUCCEEDED.value, second.id, day(1)
            _tried(session, self.versions)
            begun = rollout.begin(session, second, RolloutPlan(steps=(0.5,)), actor="test", reason="newer")
            assert begun is not None
            self.rollout = begun.id
            _shadowed(session, second, begun)

    def answered(self, version: int, at: datetime, seconds: float, **more: Any) -> None:
        """One job of the version of this number, ended at that moment."""
        usual = {
            "state": "succeeded",
            "prompt_tokens": 10,
            "completion_tokens": 20,
            "mean_logprob": -1.5,
            "queue_seconds": seconds / 4,
            "first_token_seconds": seconds / 2,
            "total_seconds": seconds,
        }
        with self.database.transaction() as session:
            ensure(session.connection(), Observation.__tablename__, at, weeks=0)
            job = submit(session, input=SECRET)
            session.add(
                Observation(job_id=job, version_id=self.versions[version - 1], at=at, **(usual | more))
            )

    def measured(self, *, judged: bool = True) -> UUID:
        """`assistant@2` beside `assistant@1`, by likelihood; and what the gate said of it."""
        estimates = {"challenger": -2.0, "champion": -4.0, "difference": 2.0}
        one = {name: {"value": value, "low": value, "high": None} for name, value in estimates.items()}
        results = {"level": 0.95, "measured": [{"name": "likelihood.new", **one}], "notes": []}
        suite = {"sets": [{"name": "new", "dataset": DATASET}], "plan": {"level": 0.95, "seed": 1}}
        with self.database.transaction() as session:
            evaluation = Evaluation(
                id=uuid7(),
                deployment="assistant",
                challenger_id=self.versions[1],
                champion_id=self.versions[0],
                suite=suite,
                results=results,
                state=WorkState.SUCCEEDED.value,
                started_at=day(1),
                finished_at=day(0),
            )
            session.add(evaluation)
            session.flush()
            if judged:
                said = {"decision": "accept", "plan": {}, "reasons": ["It is better."], "details": {}}
                session.add(Verdict(id=uuid7(), evaluation_id=evaluation.id, results=results, **said))
            return evaluation.id

    def promote(self) -> None:
        with self.database.transaction() as session:
            challenging = session.get_one(Rollout, self.rollout)
            rollout.promote(session, challenging, actor="test", reason="no worse")


def _age(session: Session, version: Version, at: datetime) -> None:
    session.execute(update(Version).where(Version.id == version.id).values(created_at=at))
    session.refresh(version)


def _trained(session: Session) -> UUID:
    run = TrainingRun(
        id=uuid7(),
        deployment="assistant",
        recipe="continued-pretraining",
        parameters={"corpus": {"folder": "notes"}, "steps": 40, "learning_rate": 0.001},
        measures={"step": 40, "loss": 2.5, "training_seconds": 12.25},
        created_at=day(2),
        started_at=day(2),
    )
    session.add(run)
    session.flush()
    return run.id


def _tried(session: Session, versions: tuple[UUID, ...]) -> None:
    """Both have answered two prompts, the first of them one of the two rightly."""
    given = [prompts.Given(SECRET, {}, expected=SECRET), prompts.Given("Who?", {}, expected="Ada")]
    wanted, _ = prompts.keep(session, "assistant", "acceptance", given)
    asked: list[Prompt] = prompts.prompts_of(session, wanted)
    for number, version in enumerate(versions, 1):
        session.add_all(
            Trial(
                id=uuid7(),
                version_id=version,
                prompt_id=prompt.id,
                state=TrialState.DONE.value,
                output={"text": SECRET},
                right=number == 2 or prompt.position == 0,
                engine_seconds=float(prompt.position + 1),
                mean_logprob=-2.0,
                created_at=day(1),
                finished_at=day(1) + timedelta(seconds=9),
            )
            for prompt in asked
        )
    session.flush()


def _shadowed(session: Session, version: Version, rollout: Rollout) -> None:
    """It has said half of what the champion said, and then all."""
    session.add_all(
        Trial(
            id=uuid7(),
            version_id=version.id,
            rollout_id=rollout.id,
            job_id=submit(session, input=SECRET),
            state=TrialState.DONE.value,
            output={"text": SECRET},
            agreement=agreement,
            created_at=day(1),
            finished_at=day(1) + timedelta(seconds=9),
        )
        for agreement in (0.5, 1.0)
    )
    session.flush()
