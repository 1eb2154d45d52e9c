"""What a look at a rollout counts, of rows as people and engines leave them; and that it does not read what was said."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from mainspring.identifiers import uuid7
from mainspring.release import rollout as verbs
from mainspring.release.judge import Moment
from mainspring.release.observing import counts, slowness, thresholds
from mainspring.release.plan import RolloutPlan
from mainspring.release.shadow import beside
from mainspring.serving import answer, lease
from mainspring.serving.claim import claim
from mainspring.serving.engine import EngineAnswer
from mainspring.tables import (
    ChatSession,
    Database,
    Evaluation,
    Feedback,
    FeedbackKind,
    Job,
    Judgement,
    Observation,
    Rollout,
    Trial,
    TrialState,
    Verdict,
)
from tests.rows import caller, champion, registered, submit


class Rolling:
    """`triage@1` and its challenger, at a share of a half; every job counts as the challenger's."""

    def __init__(self, database: Database, task: str) -> None:
        self.database = database
        with database.transaction() as session:
            self.first = champion(session, "triage", task).id
            version = registered(session, "triage", 2, architecture="BertForSequenceClassification")
            self.second = version.id
            plan = RolloutPlan(steps=(0.5,))
            made = verbs.begin(session, version, plan, actor="test", reason="newer")
            assert made is not None
            verbs.to_step(session, made, 0, actor="test", reason="newer")
            self.rollout = made.id
            self.worker = lease.begin(session, "infer", 600)

    def answered(self, version: UUID, output: Any, likelihood: float | None = None) -> UUID:
        with self.database.transaction() as session:
            job = submit(session, "triage")
            drawn = {"version_id": version, "rollout_id": self.rollout, "share": 0.5}
            session.execute(update(Job).where(Job.id == job).values(drawn))
        with self.database.begin() as connection:
            claimed = claim(connection, version, self.worker)
            assert claimed is not None
            answer.succeed(connection, claimed.fence, EngineAnswer(output, {}, mean_logprob=likelihood))
        return job

    def say(self, session: Session, job: UUID, kind: FeedbackKind, value: Any) -> None:
        name = "resolved" if kind is FeedbackKind.OUTCOME else None
        session.add(Feedback(id=uuid7(), job_id=job, kind=kind.value, name=name, value=value))
        session.flush()

    def troubles(self, limits: dict[str, Any]) -> dict[str, int]:
        with self.database.transaction() as session:
            found = counts(session, session.get_one(Rollout, self.rollout), limits)
        return next(one.troubles for one in found if one.challenger)


@pytest.mark.parametrize(
    ("kind", "value", "disliked"),
    [
        (FeedbackKind.LABEL, "spam", 0),
        (FeedbackKind.LABEL, "Spam", 0),
        (FeedbackKind.LABEL, "ham", 1),
        (FeedbackKind.CORRECTION, "ham", 1),
        (FeedbackKind.RATING, -0.5, 1),
        (FeedbackKind.RATING, 1, 0),
        (FeedbackKind.OUTCOME, -1, 0),
    ],
)
def test_what_people_say_counts(database: Database, kind: FeedbackKind, value: Any, disliked: int) -> None:
    rolling = Rolling(database, "text-classification")
    job = rolling.answered(rolling.second, {"label": "spam", "score": 0.9})
    with database.transaction() as session:
        rolling.say(session, job, kind, value)
        rolling.say(session, job, kind, value)  # of one job it counts once
    assert rolling.troubles({})["disliked"] == disliked


def test_where_no_label_was_answered_none_is_wrong(database: Database) -> None:
    rolling = Rolling(database, "text-generation")
    jobs = [rolling.answered(rolling.second, output) for output in ({"text": "spam"}, [{"label": "spam"}])]
    with database.transaction() as session:
        for job in jobs:
            rolling.say(session, job, FeedbackKind.LABEL, "ham")
    assert rolling.troubles({})["disliked"] == 0


def test_an_unsure_classifier_is_unlikely(database: Database) -> None:
    """By the log-probability of the labels that it chose, as a writer is by that of its tokens."""
    rolling = Rolling(database, "text-classification")
    for number in range(60):
        rolling.answered(rolling.first, {"label": "spam", "score": 0.9}, -0.01 * number)
    rolling.answered(rolling.second, {"label": "spam", "score": 0.4}, -0.9)
    rolling.answered(rolling.second, {"label": "spam", "score": 0.9}, -0.1)
    with database.transaction() as session:
        limits = thresholds(session, session.get_one(Rollout, rolling.rollout))
    assert limits["unlikely"] == pytest.approx(-0.531)
    assert rolling.troubles(limits)["unlikely"] == 1


@pytest.mark.parametrize("decision", list(Judgement))
def test_what_the_gate_has_passed_is_not_unlikely(database: Database, decision: Judgement) -> None:
    """It knew what was true; a version that sounds less sure may be right more often."""
    rolling = Rolling(database, "text-classification")
    for number in range(60):
        rolling.answered(rolling.first, {"label": "spam", "score": 0.9}, -0.01 * number)
    with database.transaction() as session:
        evaluation = Evaluation(
            id=uuid7(),
            deployment="triage",
            challenger_id=rolling.second,
            champion_id=rolling.first,
            suite={},
        )
        session.add(evaluation)
        session.flush()
        told: dict[str, Any] = {"plan": {}, "results": {}, "reasons": [], "details": {}}
        session.add(Verdict(id=uuid7(), evaluation_id=evaluation.id, decision=decision.value, **told))
    with database.transaction() as session:
        limits = thresholds(session, session.get_one(Rollout, rolling.rollout))
    assert (limits["unlikely"] is None) == (decision is not Judgement.REJECT)
    assert limits["slow"] is not None


def test_slow_answers_count_by_the_moment_in_which_they_began(database: Database) -> None:
    """Two moments of four answers each, one slow answer of the challenger in either; and a session with a job in both, which
    counts where its first began."""
    rolling = Rolling(database, "text-classification")
    moments = [datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=number) for number in range(2)]
    with database.transaction() as session:
        talk = ChatSession(
            id=uuid7(),
            tenant_id=caller(session).tenant_id,
            deployment="triage",
            name="talk",
            version_id=rolling.second,
        )
        session.add(talk)
    for began in moments:
        jobs = [
            rolling.answered(version, {"label": "spam"}) for version in 2 * [rolling.first, rolling.second]
        ]
        slow, later = jobs[-1], jobs[1]
        with database.transaction() as session:
            session.execute(update(Job).where(Job.id.in_(jobs)).values(created_at=began))
            session.execute(update(Job).where(Job.id == later).values(session_id=talk.id))
            took = {"queue_seconds": 0.0, "total_seconds": 0.1}
            session.execute(update(Observation).where(Observation.job_id.in_(jobs)).values(took))
            session.execute(update(Observation).where(Observation.job_id == slow).values(total_seconds=9.0))
    with database.transaction() as session:
        rollout = session.get_one(Rollout, rolling.rollout)
        found = slowness(session, rollout, {"slow": 1.0})
        assert slowness(session, rollout, {"slow": None}) == []
    assert sorted(found, key=lambda one: one.units) == [Moment(0.5, 3, 1, 0), Moment(0.5, 4, 1, 0)]


def test_a_look_at_the_shadow_reads_nothing_that_was_said(database: Database) -> None:
    rolling = Rolling(database, "text-generation")
    job = rolling.answered(rolling.first, {"text": "a long answer"}, -1.0)
    with database.transaction() as session:
        session.add(
            Trial(
                id=uuid7(),
                version_id=rolling.second,
                rollout_id=rolling.rollout,
                job_id=job,
                state=TrialState.DONE.value,
                output={"text": "a long answer"},
                usage={"completion_tokens": 3},
                agreement=1.0,
                engine_seconds=0.5,
                mean_logprob=-2.0,
                finished_at=select(Job.finished_at).where(Job.id == job).scalar_subquery(),
            )
        )
    asked: list[str] = []
    with database.transaction() as session:
        rollout = session.get_one(Rollout, rolling.rollout)
        event.listen(database.engine, "before_cursor_execute", lambda *heard: asked.append(heard[2]))
        [pair] = beside(session, rollout)
    assert (pair.agreement, pair.challenger.tokens, pair.challenger.likelihood) == (1.0, 3, -2.0)
    assert (pair.champion.failed, pair.champion.likelihood) == (False, -1.0)
    [statement] = asked
    assert "output" not in statement
    assert "input" not in statement
