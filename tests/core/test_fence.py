"""An attempt writes only while it holds the job: late, doubled and stolen writes change nothing."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from mainspring.errors import InvalidRequest
from mainspring.serving import answer, lease
from mainspring.serving.claim import Fence, cancel, claim, claim_suspect, hand_back, held_by
from mainspring.serving.engine import EngineAnswer
from mainspring.serving.sweep import requeue_lost
from mainspring.tables import Database, Incarnation, Job, JobState
from tests.rows import caller, champion, submit

ANSWER = EngineAnswer({"text": "yes", "finish_reason": "stop"}, {"completion_tokens": 1})


def claimed(session: Session, version: UUID, worker: UUID) -> Fence:
    job = claim(session.connection(), version, worker)
    job = job or claim_suspect(session.connection(), version, worker)
    assert job is not None
    return job.fence


def expire(session: Session, worker: UUID) -> None:
    session.execute(update(Incarnation).where(Incarnation.id == worker).values(lease_until="2020-01-01"))


def test_the_oldest_is_claimed_first_and_each_once(database: Database) -> None:
    with database.transaction() as session:
        version = champion(session).id
        worker = lease.begin(session, "infer", 60)
    ids = []
    for _ in range(3):
        with database.transaction() as session:
            ids.append(submit(session))
    with database.transaction() as session:
        taken = [claim(session.connection(), version, worker) for _ in range(4)]
    assert [job and job.fence.job_id for job in taken] == [*ids, None]


def test_two_claims_at_once_take_two_jobs(database: Database) -> None:
    with database.transaction() as session:
        version = champion(session).id
        worker = lease.begin(session, "infer", 60)
        submit(session), submit(session)
    with database.transaction() as one, database.transaction() as two:
        first, second = claim(one.connection(), version, worker), claim(two.connection(), version, worker)
        assert first is not None
        assert second is not None
        assert first.fence.job_id != second.fence.job_id


def test_a_worker_past_its_lease_claims_nothing(database: Database) -> None:
    with database.transaction() as session:
        version = champion(session).id
        worker = lease.begin(session, "infer", 60)
        submit(session)
        expire(session, worker)
        assert claim(session.connection(), version, worker) is None


def test_a_late_answer_meets_the_fence(database: Database) -> None:
    with database.transaction() as session:
        version = champion(session).id
        slow, quick = (lease.begin(session, "infer", 60) for _ in range(2))
        job_id = submit(session)
        late = claimed(session, version, slow)
        expire(session, slow)
        assert requeue_lost(session, 5).requeued == 1
        now = claimed(session, version, quick)
    with database.transaction() as session:
        assert not lease.renew(session, slow, 60)
        assert not answer.succeed(session.connection(), late, ANSWER)
        assert not answer.fail(session.connection(), late, InvalidRequest("too late"))
        assert not hand_back(session.connection(), late, lost=True)
    with database.transaction() as session:
        assert answer.succeed(session.connection(), now, ANSWER)
        assert not answer.succeed(session.connection(), now, ANSWER)
        job = session.get_one(Job, job_id)
        assert (job.state, job.attempt, job.losses, job.output) == ("succeeded", 2, 1, ANSWER.output)


def test_a_job_that_kills_its_workers_fails_in_the_end(database: Database) -> None:
    with database.transaction() as session:
        version = champion(session).id
        job_id = submit(session)
        for _ in range(3):
            worker = lease.begin(session, "infer", 60)
            claimed(session, version, worker)
            expire(session, worker)
            swept = requeue_lost(session, 3)
        assert swept.ended == [job_id]
    with database.transaction() as session:
        job = session.get_one(Job, job_id)
        assert job.state == JobState.FAILED
        assert job.error is not None
        assert job.error["code"] == "attempts_exhausted"


def test_handed_back_it_keeps_its_place(database: Database) -> None:
    with database.transaction() as session:
        version = champion(session).id
        worker = lease.begin(session, "infer", 60)
        first = submit(session)
    with database.transaction() as session:
        submit(session)
    with database.transaction() as session:
        fence = claimed(session, version, worker)
        assert held_by(session.connection(), worker) == {fence}
        assert hand_back(session.connection(), fence, lost=False) == version
        assert claimed(session, version, worker) == Fence(first, worker, 2)


@pytest.mark.parametrize("until", ["queued", "running", "succeeded"])
def test_cancel_in_every_state(until: str, database: Database) -> None:
    with database.transaction() as session:
        version = champion(session).id
        worker = lease.begin(session, "infer", 60)
        job_id = submit(session)
        fence = claimed(session, version, worker) if until != "queued" else None
        if until == "succeeded":
            assert fence is not None
            answer.succeed(session.connection(), fence, ANSWER)
        tenant = caller(session).tenant_id
        assert not cancel(session.connection(), uuid4(), job_id)  # another tenant's
        assert cancel(session.connection(), tenant, job_id) is (until != "succeeded")
        assert session.get_one(Job, job_id).state == ("succeeded" if until == "succeeded" else "cancelled")
        if fence is not None:
            assert not answer.succeed(session.connection(), fence, ANSWER)
