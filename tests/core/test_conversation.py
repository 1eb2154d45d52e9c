"""Jobs of a session: in order, on one version, with what was said before; deadlines; bounds."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text, update

from mainspring.access import Caller
from mainspring.errors import QueueFull, RateLimited
from mainspring.serving import answer, conversation, lease
from mainspring.serving.accept import accept
from mainspring.serving.claim import Claimed, cancel, claim, claim_suspect, suspects
from mainspring.serving.engine import EngineAnswer
from mainspring.serving.receipt import Receipt, Submission
from mainspring.serving.sweep import expire, requeue_lost
from mainspring.tables import Database, Incarnation, Job, JobState
from tests.rows import caller, champion


class Talk:
    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction() as session:
            self.version = champion(session).id
            self.worker = lease.begin(session, "infer", 3600)
            self.caller = caller(session)

    def say(
        self, words: str, session: str | None = "s", who: Caller | None = None, **more: object
    ) -> Receipt:
        asked = Submission("assistant", words, session=session, **more)  # type: ignore[arg-type]
        with self.database.begin() as connection:
            return accept(connection, who or self.caller, asked)

    def claim(self) -> Claimed | None:
        with self.database.begin() as connection:
            return claim(connection, self.version, self.worker)

    def finish(self, job: Claimed, words: str) -> UUID | None:
        with self.database.begin() as connection:
            assert answer.succeed(connection, job.fence, EngineAnswer({"text": words}, {}))
        with self.database.begin() as connection:
            return conversation.release(connection, job.fence.job_id)

    def state(self, receipt: Receipt) -> str:
        with self.database.transaction() as session:
            return session.get_one(Job, receipt.job_id).state


@pytest.fixture
def talk(database: Database) -> Talk:
    return Talk(database)


def test_in_order_and_with_what_was_said(talk: Talk) -> None:
    first, second, third = (talk.say(words) for words in ("one", "two", "three"))
    other = talk.say("elsewhere", session="t")
    job = talk.claim()
    assert job is not None
    assert job.fence.job_id == first.job_id
    beside = talk.claim()
    assert beside is not None
    assert beside.fence.job_id == other.job_id
    assert talk.claim() is None  # two and three wait for one
    assert talk.finish(job, "uno") == talk.version
    job = talk.claim()
    assert job is not None
    assert job.fence.job_id == second.job_id
    assert talk.finish(job, "due") == talk.version
    job = talk.claim()
    assert job is not None
    assert job.session_id is not None
    with talk.database.begin() as connection:
        said = conversation.history(connection, job.session_id, third.job_id)
    assert [(one["role"], one["content"]) for one in said] == [
        ("user", "one"),
        ("assistant", "uno"),
        ("user", "two"),
        ("assistant", "due"),
    ]


@pytest.mark.parametrize("how", ["cancelled", "died", "forgotten"])
def test_the_next_one_is_not_stranded(talk: Talk, how: str) -> None:
    first, second = talk.say("one"), talk.say("two")
    if how == "cancelled":
        with talk.database.begin() as connection:
            assert cancel(connection, talk.caller.tenant_id, first.job_id)
            assert conversation.release(connection, first.job_id) == talk.version
    job = talk.claim()
    assert job is not None
    if how == "forgotten":  # the worker ended the first and died before it could release the second
        with talk.database.begin() as connection:
            assert answer.succeed(connection, job.fence, EngineAnswer({"text": "uno"}, {}))
            assert conversation.release_forgotten(connection) == 1
            assert conversation.release_forgotten(connection) == 0
        job = talk.claim()
        assert job is not None
    if how == "died":
        with talk.database.transaction() as session:
            session.execute(update(Incarnation).values(lease_until="2020-01-01"))
            requeue_lost(session, 5)
            talk.worker = lease.begin(session, "infer", 3600)
        job = talk.claim()
        assert job is not None
        assert (job.fence.job_id, job.fence.attempt) == (first.job_id, 2)
        talk.finish(job, "uno")
        job = talk.claim()
        assert job is not None
    assert job.fence.job_id == second.job_id


@pytest.mark.parametrize("how", ["cancelled", "expired"])
def test_one_that_leaves_the_middle_lets_nobody_overtake(talk: Talk, how: str) -> None:
    first, second, third = talk.say("one"), talk.say("two"), talk.say("three")
    assert [one.wait.position for one in (first, second, third) if one.wait is not None] == [1, 2, 3]
    job = talk.claim()
    assert job is not None
    with talk.database.begin() as connection:
        if how == "cancelled":
            assert cancel(connection, talk.caller.tenant_id, second.job_id)
            assert conversation.release(connection, second.job_id) is None
        else:
            connection.execute(update(Job).where(Job.id == second.job_id).values(deadline_at="2020-01-01"))
    if how == "expired":
        with talk.database.transaction() as session:
            assert expire(session) == [second.job_id]
            conversation.release_forgotten(session.connection())
    assert talk.claim() is None  # the first one still runs
    assert talk.finish(job, "uno") == talk.version
    job = talk.claim()
    assert job is not None
    assert job.fence.job_id == third.job_id
    assert job.session_id is not None
    with talk.database.begin() as connection:
        said = conversation.history(connection, job.session_id, third.job_id)
    assert [one["content"] for one in said] == ["one", "uno"]


def test_a_session_stays_on_its_version(talk: Talk) -> None:
    before = talk.say("one")
    with talk.database.begin() as connection:
        connection.execute(text("update versions set stage = 'draining' where number = 1"))
        connection.execute(
            text(
                "insert into versions (id, deployment, number, stage, digest, path, architecture, parameters)"
                " values (:id, 'assistant', 2, 'registered', '1', '1', 'LlamaForCausalLM', 1)"
            ),
            {"id": uuid4()},
        )
        connection.execute(text("update versions set stage = 'production' where number = 2"))
    assert talk.say("two").version_id == before.version_id
    assert talk.say("a new one", session="new").number == 2
    with talk.database.begin() as connection:
        connection.execute(text("update versions set stage = 'retired' where number = 1"))
    assert talk.say("three").number == 2


def test_deadlines(talk: Talk) -> None:
    late = talk.say("late", session=None, deadline_seconds=0.001)
    soon = talk.say("soon", session=None, deadline_seconds=60)
    job = talk.claim()
    assert job is not None
    assert job.fence.job_id == soon.job_id
    assert job.seconds_left == pytest.approx(60, abs=5)
    assert talk.claim() is None
    with talk.database.transaction() as session:
        assert expire(session) == [late.job_id]
        assert expire(session) == []
    assert talk.state(late) == JobState.EXPIRED
    with talk.database.begin() as connection:
        assert answer.fail(connection, job.fence, answer.EXPIRED) == talk.version
    assert talk.state(soon) == JobState.EXPIRED


def test_tenants_bounds(talk: Talk) -> None:
    few = replace(talk.caller, queue_bound=2)
    talk.say("one", session=None, who=few), talk.say("two", session=None, who=few)
    with pytest.raises(QueueFull):
        talk.say("three", session=None, who=few)
    slow = replace(talk.caller, per_minute=2)
    with pytest.raises(RateLimited):
        talk.say("three", session=None, who=slow)


def test_a_suspect_is_claimed_alone_and_parked_with_its_evidence(talk: Talk) -> None:
    poison = talk.say("poison", session=None)
    for attempt in range(1, 6):
        with talk.database.begin() as connection:
            found = suspects(connection)
            assert found == ([talk.version] if attempt > 2 else [])
            take = claim_suspect if attempt > 2 else claim
            job = take(connection, talk.version, talk.worker)
            assert job is not None
            other = claim if attempt > 2 else claim_suspect
            assert other(connection, talk.version, talk.worker) is None
        with talk.database.transaction() as session:
            session.execute(update(Incarnation).values(lease_until="2020-01-01"))
            requeue_lost(session, 5)
            talk.worker = lease.begin(session, "infer", 3600)
    with talk.database.transaction() as session:
        row = session.get_one(Job, poison.job_id)
        assert row.state == JobState.FAILED
        assert row.error is not None
        assert [one["attempt"] for one in row.error["evidence"]] == [1, 2, 3, 4, 5]
        assert {one["cause"] for one in row.error["evidence"]} == {"the worker died"}


def test_the_oldest_is_forgotten_first_until_nothing_is_left() -> None:
    said = [{"role": role, "content": str(turn)} for turn in range(5) for role in ("user", "assistant")]
    lengths = []
    while said:
        said = conversation.forget(said)
        lengths.append(len(said))
        assert not said or said[0]["role"] == "user"
        assert not said or said[-1]["content"] == "4"
    assert lengths == [6, 4, 2, 0]
