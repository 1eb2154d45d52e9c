"""Whatever has ended is looked at once, in an order without gaps for who reads along."""

from collections.abc import Sequence
from threading import Thread
from uuid import UUID

import numpy as np
from sqlalchemy import select

from mainspring.observe import texts
from mainspring.observe.look import Looked, look
from mainspring.observe.vectors import Vectors, unpacked
from mainspring.serving import answer, lease
from mainspring.serving.claim import claim
from mainspring.serving.engine import EngineAnswer
from mainspring.tables import Database, Observation
from mainspring.terms import Task
from tests.rows import champion, submit


class Lengths:
    """A text's vector is its length, and a one."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([[len(text), 1.0] for text in texts], np.float32).reshape(-1, 2)


def ended(database: Database, version: UUID, worker: UUID, given: object, said: str) -> UUID:
    with database.transaction() as session:
        submit(session, input=given)
    with database.each() as connection:
        job = claim(connection, version, worker)
        assert job is not None
        assert answer.succeed(connection, job.fence, EngineAnswer({"text": said}, {}))
    return job.fence.job_id


def test_prompt_and_answer_become_vectors(database: Database) -> None:
    with database.transaction() as session:
        version, worker = champion(session).id, lease.begin(session, "infer", 60)
    ended(database, version, worker, "twelve chars", "four")
    with database.begin() as connection:
        assert look(connection, Lengths()) == Looked(1, more=False)
        assert look(connection, Lengths()) == Looked(0, more=False)
    with database.transaction() as session:
        seen = session.scalars(select(Observation)).one()
        assert seen.seq is not None
        assert seen.tenant_id is not None
        assert unpacked([seen.words_prompt or b""]).tolist() == [[12, 1]]
        assert unpacked([seen.words_answer or b""]).tolist() == [[4, 1]]


def test_two_lookers_at_once_look_once(database: Database) -> None:
    with database.transaction() as session:
        version, worker = champion(session).id, lease.begin(session, "infer", 60)
    jobs = {ended(database, version, worker, "a", str(number)) for number in range(20)}
    seen: list[int] = []

    def work() -> None:
        with database.begin() as connection:
            seen.append(look(connection, Lengths()).seen)

    lookers = [Thread(target=work) for _ in range(4)]
    for one in lookers:
        one.start()
    for one in lookers:
        one.join()
    assert sum(seen) == 20
    with database.transaction() as session:
        rows = session.scalars(select(Observation).order_by(Observation.seq)).all()
    assert {row.job_id for row in rows} == jobs
    assert len({row.seq for row in rows}) == 20


def test_a_pass_that_fails_has_looked_at_nothing(database: Database) -> None:
    with database.transaction() as session:
        version, worker = champion(session).id, lease.begin(session, "infer", 60)
    ended(database, version, worker, "a", "b")
    with database.engine.connect() as connection:  # closed without a commit
        assert look(connection, Lengths()).seen == 1
    with database.begin() as connection:
        assert look(connection, Lengths()).seen == 1


def test_what_is_said_as_one_text() -> None:
    talk = {
        "messages": [
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": "and"},
            {"role": "user", "content": "newest"},
        ]
    }
    assert texts.asked(talk) == "newest"
    assert texts.asked(["one", "two"]) == "one\ntwo"
    assert texts.asked({"question": "who?", "context": "she"}) == "who?\nshe"
    assert texts.answered(Task.TEXT_CLASSIFICATION, {"label": "a"}) is None
    assert texts.answered(Task.TRANSLATION, [{"text": "eins"}, {"text": "zwei"}]) == "eins\nzwei"
    assert len(texts.asked("x" * 10_000)) == texts.MOST
