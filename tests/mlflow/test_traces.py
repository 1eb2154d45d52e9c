"""Sampled jobs are traces in a real MLflow, read back with its own client; and what was said leaves it in time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from mainspring.errors import MirrorAway
from mainspring.kept.keys import keys, new_key
from mainspring.mirror import mirror
from mainspring.observe.sampling import drawn
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, Job, KeptText, Mirrored, Observation
from tests.living import NOON, SECRET, Life, day
from tests.mlflow.serving import Reader, Server

pytestmark = pytest.mark.timeout(300)
KEY = new_key()
SAID = "say friend and enter"


@pytest.fixture
def given(given: Settings) -> Settings:
    return given.model_copy(update={"text_keys": KEY})


class Looked(Life):
    """Whose jobs were looked at, in the order in which they are given."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._order: Iterator[int] = count(1)

    def looked(self, at: datetime, version: int = 1, **more: Any) -> UUID:
        place = next(self._order)
        self.answered(version, at, 4.0, seq=place, **more)
        with self.database.transaction() as session:
            job = session.scalars(select(Observation.job_id).where(Observation.seq == place)).one()
            session.execute(update(Job).where(Job.id == job).values(attempt=1))
        return job

    def shown(self, policy: dict[str, Any]) -> None:
        with self.database.transaction() as session:
            session.get_one(Deployment, "assistant").policy = policy

    def keep(self, job: UUID, given: Settings) -> None:
        locked = keys(given).lock(job, {"input": SECRET, "output": {"text": SAID, "finish_reason": "stop"}})
        with self.database.transaction() as session:
            week = timedelta(days=3650)
            session.add(
                KeptText(
                    job_id=job,
                    deployment="assistant",
                    at=NOON,
                    leaves_at=NOON + week,
                    key=locked.key,
                    content=locked.content,
                )
            )


@pytest.fixture
def life(database: Database) -> Looked:
    return Looked(database)


def written(life: Life, given: Settings) -> int:
    done = mirror(life.database, given, NOON)
    assert done is not None
    assert (done.refused, done.whole) == ([], True)
    return done.written


def test_a_job_is_a_trace(life: Looked, given: Settings, reader: Reader) -> None:
    """Without text: it waited a second, was read for another, and written for two."""
    job = life.looked(day(1), finish_reason="stop", language="en")
    failed = life.looked(day(1), version=2, state="failed", first_token_seconds=None)
    expired = life.looked(
        day(1), state="expired", first_token_seconds=None, queue_seconds=4.0, completion_tokens=None
    )
    life.shown({"traces": {"share": 1.0}})
    written(life, given)
    found = reader("traces", given.mlflow_prefix)
    assert set(found) == {str(job), str(failed), str(expired)}
    one = found[str(job)]
    began = int(day(1).timestamp() * 1000) - 4000
    assert (one["id"], one["state"], one["began"], one["took"]) == (f"tr-{job.hex}", "OK", began, 4000)
    assert one["tags"].items() >= {"deployment": "assistant", "version": "assistant@1"}.items()
    assert one["usage"] == {"input_tokens": 10, "output_tokens": 20, "total_tokens": 30}
    seconds = {
        name: ((span["began"] - began * 10**6) / 10**9, (span["ended"] - began * 10**6) / 10**9)
        for name, span in one["spans"].items()
    }
    assert seconds == {"assistant": (0, 4), "queue": (0, 1), "prefill": (1, 2), "decode": (2, 4)}
    root = one["spans"]["assistant"]
    assert (root["type"], root["parent"], root["inputs"], root["outputs"]) == ("LLM", None, None, None)
    assert root["attributes"].items() >= {"job": str(job), "finish_reason": "stop", "attempt": 1}.items()
    assert all(span["parent"] for name, span in one["spans"].items() if name != "assistant")
    assert (found[str(failed)]["state"], set(found[str(failed)]["spans"])) == (
        "ERROR",
        {"assistant", "queue", "answer"},
    )
    assert set(found[str(expired)]["spans"]) == {"assistant", "queue"}
    assert SECRET not in str(found)
    of_second = reader("traces", given.mlflow_prefix, "tags.version = 'assistant@2'")
    assert set(of_second) == {str(failed)}
    assert written(life, given) == 0


def test_each_once_and_what_was_missed(life: Looked, given: Settings, server: Server, reader: Reader) -> None:
    """A stable sample; of more than one request's worth; a round that dies before it has noted sends the same again."""
    jobs = [life.looked(day(1) + timedelta(seconds=second)) for second in range(60)]
    life.shown({"traces": {"share": 0.5}})
    sample = {str(job) for job in jobs if drawn(job, 0.5)}
    written(life, given)
    assert set(reader("traces", given.mlflow_prefix)) == sample
    with life.database.transaction() as session:
        session.execute(delete(Mirrored).where(Mirrored.kind == "traces"))
    before = reader("traces", given.mlflow_prefix)
    assert written(life, given) > 0
    assert reader("traces", given.mlflow_prefix) == before
    server.stop()
    jobs += [life.looked(day(1) + timedelta(minutes=minute)) for minute in range(5, 15)]
    with pytest.raises(MirrorAway):
        mirror(life.database, given, NOON)
    server.start()
    written(life, given)
    sample = {str(job) for job in jobs if drawn(job, 0.5)}
    assert set(reader("traces", given.mlflow_prefix)) == sample


def test_text_where_it_is_kept_and_as_long_as_it_is(life: Looked, given: Settings, reader: Reader) -> None:
    kept, not_kept = life.looked(day(1)), life.looked(day(1))
    life.keep(kept, given)
    plan = {"texts": {"share": 0.5, "days": 3650.0}, "traces": {"share": 1.0, "text": True}}
    life.shown(plan | {"traces": {"share": 1.0, "text": False}})
    written(life, given)
    assert SECRET not in str(reader("traces", given.mlflow_prefix))
    with life.database.transaction() as session:
        session.execute(delete(Mirrored).where(Mirrored.kind == "traces"))
    life.shown(plan)
    written(life, given)
    found = reader("traces", given.mlflow_prefix)
    root = found[str(kept)]["spans"]["assistant"]
    assert (root["inputs"], root["outputs"]["text"]) == (SECRET, SAID)
    assert found[str(not_kept)]["spans"]["assistant"]["inputs"] is None
    with life.database.transaction() as session:
        session.execute(delete(KeptText))
    written(life, given)
    assert set(reader("traces", given.mlflow_prefix)) == {str(not_kept)}
    assert written(life, given) == 0


def test_a_text_whose_key_is_gone_is_left_out(life: Looked, given: Settings, reader: Reader) -> None:
    job = life.looked(day(1))
    life.keep(job, given)
    life.shown({"texts": {"share": 1.0, "days": 3650.0}, "traces": {"share": 1.0, "text": True}})
    written(life, given.model_copy(update={"text_keys": new_key()}))
    assert reader("traces", given.mlflow_prefix)[str(job)]["spans"]["assistant"]["inputs"] is None


def test_without_a_policy_there_are_none(life: Looked, given: Settings, reader: Reader) -> None:
    life.looked(day(1))
    written(life, given)
    assert reader("traces", given.mlflow_prefix) == {}
