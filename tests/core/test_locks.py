"""Rollbacks, looks and retirements while messages are accepted: nobody waits for somebody who waits for him."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from mainspring import registry
from mainspring.access import Caller
from mainspring.registry import champion_of
from mainspring.release import beat
from mainspring.release.back import go_back
from mainspring.release.draining import retire_drained
from mainspring.release.leaving import retire_version
from mainspring.release.plan import RolloutPlan
from mainspring.release.retention import retain
from mainspring.release.rollout import begin
from mainspring.release.strays import take_in_strays
from mainspring.serving import conversation, lease, sweep
from mainspring.serving.accept import accept
from mainspring.serving.bulk import accept_all
from mainspring.serving.receipt import Receipt, Submission
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, HeldVersion, Job, Stage, Version
from tests.rows import caller, champion, registered

UNKEPT = {"drain": {"keep_seconds": 0, "idle_seconds": 0, "delete_seconds": 0}}


class Two:
    """`assistant@1` and `@2`, which answers; the way back leads to the first."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.impatient = Database(settings.database_url, lock_timeout_seconds=0.5)
        with database.transaction() as session:
            self.first = champion(session).id
            self.caller: Caller = caller(session)
        self.second = self.another(2)

    def another(self, number: int, *, released: bool = True) -> UUID:
        with self.database.transaction() as session:
            version = registered(session, "assistant", number)
            if released:
                registry.release(session, version, actor="test", reason="newer")
            return version.id

    def say(self, name: str | None) -> Receipt:
        with self.database.begin() as connection:
            return accept(connection, self.caller, Submission("assistant", "hello", session=name))

    def back(self, to: int | None = None) -> int:
        """How many jobs have moved."""
        with self.database.transaction() as session:
            version = None if to is None else registry.named(session, f"assistant@{to}")
            return go_back(session, "assistant", version, actor="test", reason="a test").moved

    def until_one_waits(self) -> None:
        """For a lock."""
        asked = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
        end = time.monotonic() + 10
        while True:
            with self.database.begin() as connection:
                if connection.scalar(asked):
                    return
            assert time.monotonic() < end, "nobody waits"
            time.sleep(0.01)


@pytest.fixture
def two(database: Database, settings: Settings) -> Iterator[Two]:
    made = Two(database, settings)
    yield made
    made.impatient.close()


def test_a_rollback_waits_for_a_message_and_the_message_does_not_wait_for_it(two: Two) -> None:
    two.say("talk")
    lock = text("select id from sessions for update")  # as who accepts a message does first
    with ThreadPoolExecutor(1) as pool:
        with two.database.begin() as connection:
            connection.execute(lock)
            back = pool.submit(two.back)
            two.until_one_waits()
            receipt = accept(connection, two.caller, Submission("assistant", "and?", session="talk"))
        assert back.result(20) == 2
    assert receipt.version == "assistant@2"
    told = two.say("talk")
    assert (told.version, told.moved_from) == ("assistant@1", "assistant@2")


def test_jobs_are_accepted_while_a_version_is_moved(two: Two) -> None:
    with two.database.transaction() as session:
        go_back(session, "assistant", actor="test", reason="a test")
        with two.impatient.begin() as connection:
            accept(connection, two.caller, Submission("assistant", "hello"))
            accept(connection, two.caller, Submission("assistant", "hello", session="new"))


def test_what_beat_does_waits_for_no_rollback(two: Two, tmp_path: Path) -> None:
    """Another version could leave, and one that has left could be deleted, in the meantime."""
    two.another(3)
    two.another(4)
    with two.database.transaction() as session:
        session.get_one(Deployment, "assistant").policy = UNKEPT
        retire_version(session, session.get_one(Version, two.first), actor="test", reason="old")
    with two.database.transaction() as session:
        go_back(session, "assistant", actor="test", reason="a test")
        with two.impatient.transaction() as other:
            assert retire_drained(other) == []
            assert take_in_strays(other) == {}
        assert retain(two.impatient, tmp_path) == []
    with two.impatient.transaction() as session:
        assert set(retire_drained(session)) == {"assistant@2", "assistant@4"}
    assert set(retain(two.impatient, tmp_path)) == {"assistant@1", "assistant@4"}


def test_a_rollout_is_looked_at_while_jobs_are_accepted(two: Two) -> None:
    third = two.another(3, released=False)
    with two.database.transaction() as session:
        plan = RolloutPlan(steps=(0.5,), dwell_seconds=0, samples=1)
        begin(session, session.get_one(Version, third), plan, actor="test", reason="newer")
        worker = lease.begin(session, "infer", 60)
        session.add(HeldVersion(incarnation=worker, version_id=third, state="ready"))
    with two.database.begin() as connection:
        accept(connection, two.caller, Submission("assistant", "hello"))
        with two.impatient.transaction() as session:
            assert beat.judge(session, "assistant").said == ["begun"]


@pytest.mark.timeout(60)
def test_rollbacks_amid_conversations(two: Two) -> None:
    """Alone and many together, in any order, while the sweep and the drain look: no error on any side."""
    names, over = [f"talk {number}" for number in range(8)], Event()
    for name in names:
        two.say(name)

    def messages(seed: int) -> int:
        draw, count = random.Random(seed), 0
        while not over.is_set():
            if draw.random() < 0.5:
                two.say(draw.choice(names))
                count += 1
                continue
            asked = [Submission("assistant", "hello", session=name) for name in draw.sample(names, 5)]
            with two.database.begin() as connection:
                told = accept_all(connection, two.caller, asked)
            assert all(isinstance(one, Receipt) for one in told), told
            count += len(told)
        return count

    def looks() -> None:
        while not over.is_set():
            for look in (retire_drained, take_in_strays, sweep.expire):
                with two.database.transaction() as session:
                    look(session)
            with two.database.begin() as connection:
                conversation.release_forgotten(connection)

    work: list[Callable[[], object]] = [lambda seed=seed: messages(seed) for seed in range(3)]
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(one) for one in [*work, looks]]
        try:
            for number in range(30):
                two.back(1 + number % 2)
        finally:
            over.set()
            done = [one.result(30) for one in running]
    assert sum(int(str(count)) for count in done[:3]) > 30
    with two.database.transaction() as session:
        take_in_strays(session)
        first = champion_of(session, "assistant")
        assert first is not None
        assert {two.say(name).version for name in names} == {first.label} == {"assistant@2"}
        waiting = select(func.count()).where(Job.version_id == two.first, Job.state == "queued")
        assert session.scalar(waiting) == 0
        assert session.get_one(Version, two.first).stage == Stage.DRAINING
