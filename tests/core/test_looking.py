"""Whatever has ended is looked at once, in an order without gaps for who reads along."""

from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from hypothesis import given, strategies
from sqlalchemy import select

from mainspring.observe import texts
from mainspring.observe.eyes import Encoded, Eyes, Seen
from mainspring.observe.look import Looked, look
from mainspring.observe.sampling import drawn
from mainspring.observe.vectors import Vectors, unpacked
from mainspring.serving import answer, lease
from mainspring.serving.claim import claim
from mainspring.serving.engine import EngineAnswer
from mainspring.tables import Database, Observation
from mainspring.terms import Task
from tests.rows import champion, submit


class Lengths:
    """A text's vector is its length, and a one. As an encoder it takes a hundredth of a second a text."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([[len(text), 1.0] for text in texts], np.float32).reshape(-1, 2)

    def encode(self, texts: Sequence[str]) -> Encoded | None:
        return Encoded(self.embed(texts), 0.01 * len(texts))

    def close(self) -> None:
        """Nothing to close."""


def eyes() -> Eyes:
    return Eyes(Lengths(), Lengths())


def ended(database: Database, version: UUID, worker: UUID, given: object, said: str, **more: object) -> UUID:
    with database.transaction() as session:
        submit(session, input=given, **more)
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
        assert look(connection, eyes()) == Looked(1)
        assert look(connection, eyes()) == Looked(0)
    with database.transaction() as session:
        seen = session.scalars(select(Observation)).one()
        assert seen.seq is not None
        assert seen.tenant_id is not None
        assert unpacked([seen.words_prompt or b""]).tolist() == [[12, 1]]
        assert unpacked([seen.words_answer or b""]).tolist() == [[4, 1]]


def test_jobs_are_looked_at_in_the_order_in_which_they_were_accepted(database: Database) -> None:
    """Of three that run the last ends first: it waits for those before it, but not for ever."""
    with database.transaction() as session:
        version, worker = champion(session).id, lease.begin(session, "infer", 60)
        jobs = [submit(session, input=text) for text in ("one", "two", "three")]
    with database.each() as connection:
        fences = [claimed.fence for _ in jobs if (claimed := claim(connection, version, worker))]
        for fence in (fences[2], fences[0]):
            assert answer.succeed(connection, fence, EngineAnswer({"text": "x"}, {}))
    assert seen_next(database) == [jobs[0]]
    assert seen_next(database) == []
    with database.each() as connection:
        assert answer.succeed(connection, fences[1], EngineAnswer({"text": "x"}, {}))
    assert seen_next(database) == [jobs[1], jobs[2]]


def test_who_ended_long_ago_waits_for_nobody(database: Database) -> None:
    with database.transaction() as session:
        version, worker = champion(session).id, lease.begin(session, "infer", 60)
        jobs = [submit(session, input=text) for text in ("one", "two")]
    with database.each() as connection:
        fences = [claimed.fence for _ in jobs if (claimed := claim(connection, version, worker))]
        assert answer.succeed(connection, fences[1], EngineAnswer({"text": "x"}, {}))
        assert seen_next(database) == []
        connection.exec_driver_sql("update observations set at = now() - interval '11 seconds'")
    assert seen_next(database) == [jobs[1]]


def seen_next(database: Database) -> list[UUID]:
    """What a look adds, in its order."""
    with database.begin() as connection:
        before = set(connection.scalars(select(Observation.job_id).where(Observation.seq.is_not(None))))
        look(connection, eyes())
        after = connection.scalars(
            select(Observation.job_id).where(Observation.seq.is_not(None)).order_by(Observation.seq)
        )
        return [job for job in after if job not in before]


def test_two_lookers_at_once_look_once(database: Database) -> None:
    with database.transaction() as session:
        version, worker = champion(session).id, lease.begin(session, "infer", 60)
    jobs = {ended(database, version, worker, "a", str(number)) for number in range(20)}
    seen: list[int] = []

    def work() -> None:
        with database.begin() as connection:
            seen.append(look(connection, eyes()).seen)

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
        assert look(connection, eyes()).seen == 1
    with database.begin() as connection:
        assert look(connection, eyes()).seen == 1


def test_turns_of_a_conversation_and_its_language(database: Database) -> None:
    """Which begins it, which asks the same again; and in which language each is, where that can be said."""
    with database.transaction() as session:
        version, worker = champion(session).id, lease.begin(session, "infer", 60)
    german = "Wie kann ich meine Bestellung wieder stornieren?"
    for asked in ("Where is the order that I placed last week?", german, german, "Thanks!"):
        ended(database, version, worker, asked, "x", session="talk")
    ended(database, version, worker, "Thanks!", "x")
    with database.begin() as connection:
        look(connection, eyes())
    with database.transaction() as session:
        rows = session.scalars(select(Observation).order_by(Observation.seq)).all()
    assert [one.begins for one in rows] == [True, False, False, False, None]
    assert [one.again for one in rows] == [False, False, True, False, None]
    assert [one.language for one in rows] == ["en", "de", "de", None, None]


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


def test_the_encoder_sees_what_its_share_of_a_core_pays_for() -> None:
    """However many come: here one text costs a hundredth of a second."""
    clock = iter(range(0, 1000, 2))
    budget_eyes = Eyes(None, Lengths(), clock=lambda: float(next(clock)))
    texts_seen = 0
    for _ in range(100):
        jobs = budget_eyes.look([seen(policy={"drift": {"encoder_share": 0.1}}) for _ in range(400)])
        texts_seen += sum(job.sampled is not None for job in jobs)
    seconds = 0.01 * texts_seen
    assert 0.8 * 0.1 * 200 < seconds < 1.2 * 0.1 * 200


def test_without_a_share_nothing_is_encoded_and_a_rich_one_sees_all() -> None:
    clock = iter([0.0, 100.0, 200.0, 300.0])
    some = Eyes(Lengths(), Lengths(), clock=lambda: next(clock))
    none = some.look([seen(policy={"drift": {"encoder_share": 0.0}})])
    assert none[0].sampled is None
    assert none[0].words_prompt is not None
    some.look([seen(policy={"drift": {"encoder_share": 1.0}})])
    every = some.look([seen(policy={"drift": {"encoder_share": 1.0}}) for _ in range(50)])
    assert {job.sampled for job in every} == {1.0}


@given(strategies.uuids(), strategies.floats(0, 1), strategies.floats(0, 1))
def test_who_is_drawn_by_a_rate_is_drawn_by_every_higher_one(job: UUID, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert drawn(job, low) <= drawn(job, high)
    assert drawn(job, 1.0)
    assert not drawn(job, 0.0)


def test_an_encoders_own_answer_is_its_prompts_vector() -> None:
    job = seen(task="feature-extraction", output=[0.25, 0.5])
    assert Eyes(None, None).look([job])[0].encoded_prompt is not None
    assert unpacked([job.encoded_prompt or b""]).tolist() == [[0.25, 0.5]]


def seen(**more: Any) -> Seen:
    usual: dict[str, Any] = {"task": "text-classification", "output": {"label": "a"}, "policy": {}}
    return Seen(
        job_id=uuid4(),
        at=datetime.now(UTC),
        state="succeeded",
        input="what is it",
        deployment="assistant",
        tenant_id=uuid4(),
        session_id=None,
        **(usual | more),
    )
