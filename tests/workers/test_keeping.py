"""Rounds of `observe` and `forget` keep texts and let them go; without a key that is seen, and made good."""

from uuid import UUID

import pytest
from redis import Redis
from sqlalchemy import select

from mainspring.kept.keys import Keys, keys, new_key
from mainspring.serving import answer, lease
from mainspring.serving.claim import claim
from mainspring.serving.engine import EngineAnswer
from mainspring.settings import Settings
from mainspring.tables import BeatRun, Database, Deployment, KeptText
from tests.rows import champion, submit
from tests.workers.rounds import connections
from workers.forgetting import forget_once
from workers.postman import Postman
from workers.watching import observe_once

OLDER, NEWEST = new_key(), new_key()


def answered(database: Database, version: UUID) -> None:
    with database.transaction() as session:
        submit(session)
        worker = lease.begin(session, "infer", 60)
    with database.each() as connection:
        job = claim(connection, version, worker)
        assert job is not None
        assert answer.succeed(connection, job.fence, EngineAnswer({"text": "x"}, {}))


def test_without_a_key_and_then_with_one(
    settings: Settings, database: Database, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.transaction() as session:
        version = champion(session).id
        deployment = session.get_one(Deployment, "assistant")
        deployment.policy = {"texts": {"share": 1.0, "days": 7.0}}

    def did(task: str) -> dict[str, int]:
        with database.transaction() as session:
            return session.get_one(BeatRun, task).did

    def rounds(given: str) -> None:
        now = settings.model_copy(update={"text_keys": given})
        use = connections(now, database, redis, Postman(now, database))
        observe_once(use)
        forget_once(use)

    def kept() -> list[str | None]:
        with database.transaction() as session:
            return list(session.scalars(select(KeptText.key).order_by(KeptText.job_id)))

    answered(database, version)
    rounds("")
    assert (did("observe")["seen"], did("observe")["kept"], did("observe")["unkept"]) == (1, 0, 1)
    assert "texts.unkept" in "".join(capsys.readouterr())
    answered(database, version)
    rounds("no key")
    assert kept() == [None, None]
    rounds(OLDER)
    assert kept() == [Keys([OLDER]).names[0]] * 2
    rounds(f"{NEWEST},{OLDER}")
    assert kept() == keys(Settings(text_keys=NEWEST)).names * 2
    assert did("forget")["locked_anew"] == 2
    with database.transaction() as session:
        session.get_one(Deployment, "assistant").policy = {}
    rounds(NEWEST)
    assert kept() == []
    assert did("forget")["forgotten"] == 2
