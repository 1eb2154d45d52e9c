"""What was asked and answered is kept where a policy says so, encrypted, as long as it says, and by nobody read unseen."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, text, update

from mainspring.errors import InvalidRequest, TextLocked
from mainspring.kept import leaving
from mainspring.kept.keys import Keys, keys, keys_at_hand, new_key, require_keys
from mainspring.kept.reading import Reader, StateView, read, read_one, state
from mainspring.kept.writing import fill, keep
from mainspring.observe.eyes import Eyes
from mainspring.observe.look import look
from mainspring.observe.sampling import drawn
from mainspring.serving import answer, lease
from mainspring.serving.claim import cancel, claim
from mainspring.serving.engine import EngineAnswer
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, Event, Job, KeptText, Observation
from tests.rows import caller, champion, submit

SECRET, SAID = "the vault is behind the mirror", "say friend and enter"
ALL = {"texts": {"share": 1.0, "days": 7.0}}
NEWEST, OLDER = new_key(), new_key()
WHO = Reader(None, "key 7", "to see what is new")


@pytest.fixture
def serving(database: Database) -> tuple[UUID, UUID]:
    """A version, and a worker that holds it."""
    with database.transaction() as session:
        made = champion(session).id, lease.begin(session, "infer", 60)
        session.get_one(Deployment, "assistant").policy = ALL
    return made


def ended(database: Database, serving: tuple[UUID, UUID], **more: Any) -> UUID:
    with database.transaction() as session:
        submit(session, **({"input": SECRET} | more))
    with database.each() as connection:
        job = claim(connection, *serving)
        assert job is not None
        assert answer.succeed(connection, job.fence, EngineAnswer({"text": SAID}, {}))
    return job.fence.job_id


def observed(database: Database, keys: Keys) -> tuple[int, int]:
    with database.begin() as connection:
        return keep(connection, keys, look(connection, Eyes(None, None)).jobs)


def policy(database: Database, given: dict[str, Any]) -> None:
    with database.transaction() as session:
        session.get_one(Deployment, "assistant").policy = given


def told(database: Database, keys: Keys) -> StateView:
    with database.transaction() as session:
        return state(session, session.get_one(Deployment, "assistant"), keys)


def opened(database: Database, keys: Keys, job: UUID, who: Reader = WHO) -> tuple[Any, Any]:
    with database.transaction() as session:
        view = read_one(session, session.get_one(Deployment, "assistant"), keys, job, who)
    return view["input"], view["output"]


def test_it_is_kept_encrypted_and_who_reads_it_is_an_event(
    database: Database, serving: tuple[UUID, UUID]
) -> None:
    job = ended(database, serving)
    mine = Keys([NEWEST])
    assert observed(database, mine) == (1, 0)
    with database.transaction() as session:
        row = session.get_one(KeptText, job)
        whole = session.scalars(text("select cast(t as text) from kept_texts t")).one()
        assert row.leaves_at - row.at == timedelta(days=7)
        assert session.get_one(Observation, (job, row.at)).seq is not None
    assert SECRET.encode().hex() not in whole
    assert SAID.encode().hex() not in whole
    assert opened(database, mine, job) == (SECRET, {"text": SAID})
    with database.transaction() as session:
        event = session.scalars(select(Event).where(Event.kind == "text.read")).one()
    assert (event.about, event.actor, event.reason) == ("assistant", WHO.actor, WHO.reason)
    assert event.inputs == {"jobs": [str(job)]}


def test_without_a_policy_nothing_is_kept_and_of_a_share_a_stable_sample(
    database: Database, serving: tuple[UUID, UUID]
) -> None:
    policy(database, {})
    ended(database, serving)
    assert observed(database, Keys([NEWEST])) == (0, 0)
    policy(database, {"texts": {"share": 0.5, "days": 1.0}})
    jobs = [ended(database, serving) for _ in range(30)]
    wanted = {job for job in jobs if drawn(job, 0.5)}
    assert 0 < len(wanted) < 30
    assert observed(database, Keys([NEWEST])) == (len(wanted), 0)
    with database.transaction() as session:
        assert set(session.scalars(select(KeptText.job_id))) == wanted


def test_what_was_taken_back_is_not_kept(database: Database, serving: tuple[UUID, UUID]) -> None:
    """Nor what a guard has blocked."""
    blocked = ended(database, serving)
    with database.transaction() as session:
        job, tenant = submit(session, input=SECRET), caller(session).tenant_id
        session.execute(update(Observation).where(Observation.job_id == blocked).values(state="blocked"))
    with database.each() as connection:
        assert cancel(connection, tenant, job)
    assert observed(database, Keys([NEWEST])) == (0, 0)
    with database.transaction() as session:
        assert session.scalar(select(func.count()).where(Observation.seq.is_not(None))) == 2


def test_without_a_key_it_waits_for_one_and_is_never_there_in_plain_words(
    database: Database, serving: tuple[UUID, UUID]
) -> None:
    job = ended(database, serving)
    assert observed(database, Keys([])) == (0, 1)
    assert (told(database, Keys([]))["kept"], told(database, Keys([]))["waiting"]) == (0, 1)
    with pytest.raises(TextLocked, match="waits for a key"):
        opened(database, Keys([NEWEST]), job)
    with database.begin() as connection:
        assert (fill(connection, Keys([])), fill(connection, Keys([NEWEST]))) == (0, 1)
        assert fill(connection, Keys([NEWEST])) == 0
    assert opened(database, Keys([NEWEST]), job) == (SECRET, {"text": SAID})
    assert told(database, Keys([NEWEST]))["waiting"] == 0


def test_keys_rotate(database: Database, serving: tuple[UUID, UUID]) -> None:
    job = ended(database, serving)
    observed(database, Keys([OLDER]))
    both, newest = Keys([NEWEST, OLDER]), Keys([NEWEST])
    assert opened(database, both, job) == (SECRET, {"text": SAID})
    assert (told(database, both)["older"], told(database, both)["locked"]) == (1, 0)
    assert told(database, newest)["locked"] == 1
    with pytest.raises(TextLocked, match="not here any more") as gone:
        opened(database, newest, job)
    assert "MAINSPRING_TEXT_KEYS" in (gone.value.remedy or "")
    assert leaving.lock_anew(database, newest) == 0
    assert leaving.lock_anew(database, both) == 1
    assert leaving.lock_anew(database, both) == 0
    assert opened(database, newest, job) == (SECRET, {"text": SAID})


def test_what_was_changed_or_put_elsewhere_is_told(database: Database, serving: tuple[UUID, UUID]) -> None:
    jobs = [ended(database, serving) for _ in range(3)]
    mine = Keys([OLDER])
    observed(database, mine)
    with database.transaction() as session:
        first, second, third = (session.get_one(KeptText, job) for job in jobs)
        assert first.content is not None
        second.content, first.content = first.content, first.content[:-9] + b"AAAAAAAAA"
    with database.transaction() as session:
        found = read(session, session.get_one(Deployment, "assistant"), mine, jobs, WHO)
        assert [found[job]["input"] for job in jobs] == [None, None, SECRET]
        assert "changed" in (found[jobs[0]]["trouble"] or "")
        assert "another job" in (found[jobs[1]]["trouble"] or "")
        event = session.scalars(select(Event).where(Event.kind == "text.read")).one()
    assert event.inputs == {"jobs": [str(third.job_id)]}
    assert leaving.lock_anew(database, Keys([NEWEST, OLDER])) == 1


@pytest.mark.parametrize(
    ("days", "now", "left"),
    [
        (6.9, ALL, 1),
        (7.1, ALL, 0),
        (2.0, {"texts": {"share": 0.1, "days": 1.0}}, 0),
        (7.1, {"texts": {"share": 1.0, "days": 30.0}}, 0),  # promised was less
        (0.0, {}, 0),
    ],
)
def test_it_leaves_by_the_policy_then_and_now(
    database: Database, serving: tuple[UUID, UUID], days: float, now: dict[str, Any], left: int
) -> None:
    """And is not shown any more from that moment on."""
    job, mine = ended(database, serving), Keys([NEWEST])
    observed(database, mine)
    with database.transaction() as session:
        ago = timedelta(days=days)
        session.execute(update(KeptText).values(at=KeptText.at - ago, leaves_at=KeptText.leaves_at - ago))
        moment = session.scalars(select(func.now())).one()
    policy(database, now)
    assert told(database, mine)["kept"] == left
    assert leaving.forget(database, moment) == 1 - left
    with database.transaction() as session:
        assert (session.get(KeptText, job) is not None) == bool(left)


def test_it_leaves_with_its_job(database: Database, serving: tuple[UUID, UUID]) -> None:
    """As when a person's data is erased."""
    job = ended(database, serving)
    observed(database, Keys([NEWEST]))
    with database.transaction() as session:
        session.execute(delete(Job).where(Job.id == job))
        assert session.scalar(select(func.count()).select_from(KeptText)) == 0


def test_another_tenants_text_is_not_there(database: Database, serving: tuple[UUID, UUID]) -> None:
    job, mine = ended(database, serving), Keys([NEWEST])
    observed(database, mine)
    with database.transaction() as session:
        own, other = caller(session).tenant_id, caller(session, "other").tenant_id
        deployment = session.get_one(Deployment, "assistant")
        assert read(session, deployment, mine, [job], WHO._replace(tenant=other)) == {}
        assert set(read(session, deployment, mine, [job], WHO._replace(tenant=own))) == {job}


def test_a_setting_that_holds_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = Settings(text_keys="not-a-key")
    assert not keys_at_hand(wrong)
    assert "not-a-key" not in "".join(capsys.readouterr())
    for settings in (wrong, Settings(text_keys="")):
        with pytest.raises(InvalidRequest, match="key") as refused:
            require_keys(settings, ALL)
        assert refused.value.field == "policy.texts"
        assert "mainspring texts --new-key" in (refused.value.remedy or "")
        require_keys(settings, {"drift": {}})
    several = keys(Settings(text_keys=f"{NEWEST}, {OLDER}"))
    assert several.names == [*Keys([NEWEST]).names, *Keys([OLDER]).names]
    assert NEWEST not in repr(Settings(text_keys=NEWEST))
