"""References of prompts: normal is what a version was evaluated on, and for the rest how it answered first."""

from collections.abc import Sequence
from threading import Thread
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import func, select, text

from mainspring.errors import Conflict, InvalidRequest
from mainspring.identifiers import uuid7
from mainspring.monitor import prompted, reference
from mainspring.monitor.arrays import unpacked
from mainspring.monitor.detect import Memory, detect
from mainspring.monitor.making import MOST_TRIES, PATIENT, make
from mainspring.observe.eyes import Encoded, Eyes
from mainspring.observe.vectors import Vectors
from mainspring.tables import (
    Database,
    DriftAlarm,
    DriftWatch,
    Event,
    Making,
    Prompt,
    PromptSet,
    Reference,
    ReferenceRequest,
    Trial,
    Version,
)
from mainspring.trials.prompts import Given, keep
from tests.core.monitoring.traffic import about, observe
from tests.rows import champion

SIZE = 120
POLICY = '{"drift": {"reference": 120%s}}'


class Subjects:
    """A text is a subject's number and its own: its vector is about that subject. `away`: how often no encoder is there."""

    def __init__(self, away: int = 0) -> None:
        self.away, self.closed = away, False

    def embed(self, texts: Sequence[str]) -> Vectors:
        found = []
        for one in texts:
            subject, own = one.split()[:2]
            found.append(about(np.random.default_rng(int(own)), int(subject), 1)[0])
        return np.stack(found)

    def encode(self, texts: Sequence[str]) -> Encoded | None:
        if self.away:
            self.away -= 1
            return None
        return Encoded(self.embed(texts), 0.001 * len(texts))

    def close(self) -> None:
        self.closed = True


def eyes(away: int = 0) -> Eyes:
    return Eyes(Subjects(), Subjects(away))


@pytest.fixture
def version(database: Database) -> UUID:
    with database.transaction() as session:
        made = champion(session)
    policy(database)
    return made.id


def policy(database: Database, more: str = "") -> None:
    with database.transaction() as session:
        session.execute(
            text("update deployments set policy = cast(:given as jsonb)"), {"given": POLICY % more}
        )


def stored(database: Database, name: str = "acceptance", count: int = 150, subject: int = 0) -> UUID:
    with database.transaction() as session:
        given = [Given(f"{subject} {1000 + place} words of it", {}) for place in range(count)]
        return keep(session, "assistant", name, given)[0].id


def asked(database: Database, version: UUID, prompts: UUID) -> None:
    with database.transaction() as session:
        of = session.get_one(Version, version)
        prompted.ask(session, of, session.get_one(PromptSet, prompts), actor="somebody", reason="evaluated")


def beat(database: Database, version: UUID, memory: Memory | None = None) -> list[UUID]:
    """Alarms."""
    known, alarms, more = memory or Memory(), [], True
    while more:
        with database.transaction() as session:
            found = detect(session, version, known)
        more = found.more
        alarms += [] if found.alarm is None else [found.alarm]
    return alarms


def seen(database: Database, version: UUID, count: int, subject: int = 0, seed: int = 1, **more: Any) -> None:
    with database.transaction() as session:
        observe(session, version, about(np.random.default_rng(seed), subject, count), **more)


def current(database: Database, version: UUID) -> Reference:
    with database.transaction() as session:
        found = reference.current(session, version)
        assert found is not None
        assert found.content  # read while it can be
        return found


def test_traffic_that_is_not_what_was_evaluated_alarms_at_once(database: Database, version: UUID) -> None:
    asked(database, version, stored(database))
    assert make(database, eyes()) is Making.MADE
    assert make(database, eyes()) is None
    made = current(database, version)
    assert (made.origin, made.size, made.awaits_traffic) == ("prompts acceptance", 150, True)
    assert made.origins == {"words_prompt": "prompts acceptance", "encoded_prompt": "prompts acceptance"}
    with database.transaction() as session:
        kinds = session.scalars(select(Event.kind).order_by(Event.id)).all()
    assert kinds[-2:] == ["reference.asked", "reference.made"]
    seen(database, version, 40, subject=3)
    assert beat(database, version)
    with database.transaction() as session:
        alarm = session.scalars(select(DriftAlarm)).one()
        assert (alarm.kind, alarm.detector) == ("data", "words_prompt")
        assert alarm.requests <= 40


def test_traffic_like_it_is_quiet_and_gives_what_prompts_do_not_tell(
    database: Database, version: UUID
) -> None:
    """What is watched already goes on with its evidence; whoever takes over ends where the other was."""
    asked(database, version, stored(database))
    make(database, eyes())
    part, memory = current(database, version), Memory()
    measured = {"prompt_tokens": 12, "completion_tokens": 30, "mean_logprob": -1.0}
    seen(database, version, SIZE - 20, seed=2, **measured)
    assert beat(database, version, memory) == []
    assert current(database, version).id == part.id
    with database.transaction() as session:
        assert session.scalars(select(DriftWatch.latest_requests)).one() == SIZE - 20
    for seed in (3, 4, 5):
        seen(database, version, 50, seed=seed, **measured)
        assert beat(database, version, memory) == []
    whole = current(database, version)
    assert (whole.awaits_traffic, whole.origin, whole.size) == (False, "prompts acceptance", 150)
    assert whole.origins["words_prompt"] == "prompts acceptance"
    assert {whole.origins[name] for name in ("answer_tokens", "log_probability", "answering_seconds")} == {
        "traffic"
    }
    assert (unpacked(whole.content)["words_prompt"] == unpacked(part.content)["words_prompt"]).all()
    with database.transaction() as session:
        watch = session.get_one(DriftWatch, whole.id)
        assert watch.latest_requests == SIZE - 20 + 150
        features = {one.feature for one in memory.standing[version].detectors.watching}
    assert {"words_prompt", "answer_tokens", "log_probability", "said", "service"} <= features
    told = {one.feature: one.value for one in memory.standing[version].detectors.watching}
    again = Memory()
    beat(database, version, again)
    assert {one.feature: one.value for one in again.standing[version].detectors.watching} == told
    seen(database, version, 60, seed=6, **(measured | {"mean_logprob": -9.0}))
    beat(database, version)
    with database.transaction() as session:
        assert session.scalars(select(DriftAlarm.detector)).all() == ["log_probability"]


def test_an_open_alarm_is_not_over_because_the_reference_is_whole(database: Database, version: UUID) -> None:
    asked(database, version, stored(database))
    make(database, eyes())
    seen(database, version, SIZE + 100, subject=3)
    beat(database, version)
    seen(database, version, 5, subject=3, seed=8)
    beat(database, version)
    assert not current(database, version).awaits_traffic
    with database.transaction() as session:
        assert session.scalars(select(DriftAlarm.ended_at)).all() == [None]


def test_two_detectors_at_once_make_it_whole_once(database: Database, version: UUID) -> None:
    asked(database, version, stored(database))
    make(database, eyes())
    seen(database, version, SIZE + 10)
    memories = [Memory() for _ in range(3)]
    for seed in (7, 8, 9):
        seen(database, version, 20, seed=seed)
        rounds = [Thread(target=beat, args=(database, version, one)) for one in memories]
        for one in rounds:
            one.start()
        for one in rounds:
            one.join()
    beat(database, version, memories[0])
    with database.transaction() as session:
        assert session.scalars(select(Reference.awaits_traffic).order_by(Reference.made_at)).all() == [
            True,
            False,
        ]


def test_by_the_policy_from_the_first_request_on(database: Database, version: UUID) -> None:
    stored(database)
    policy(database, ', "prompts": "acceptance"')
    seen(database, version, SIZE + 30)
    assert beat(database, version) == []
    assert beat(database, version) == []
    with database.transaction() as session:
        request = session.scalars(select(ReferenceRequest)).one()
        assert (request.state, request.asked_by, request.prompts) == ("waiting", "monitor", 150)
        assert session.scalar(select(func.count()).select_from(Reference)) == 0
    make(database, eyes())
    assert current(database, version).origin == "prompts acceptance"


def test_too_few_by_the_policy_and_traffic_says_what_is_normal(database: Database, version: UUID) -> None:
    stored(database, count=49)
    policy(database, ', "prompts": "acceptance"')
    seen(database, version, SIZE)
    beat(database, version)
    assert current(database, version).origin == "traffic"
    with database.transaction() as session:
        request = session.scalars(select(ReferenceRequest)).one()
        assert request.error is not None
        assert "49 different prompts" in request.error["detail"]
        assert session.scalar(select(Event.about).where(Event.kind == "reference.failed")) == "assistant@1"


def test_a_version_that_has_one_keeps_what_traffic_told_of_its_answers(
    database: Database, version: UUID
) -> None:
    seen(database, version, SIZE + 50, mean_logprob=-1.0)
    beat(database, version)
    asked(database, version, stored(database))
    make(database, eyes())
    made = current(database, version)
    assert not made.awaits_traffic
    assert made.origins["log_probability"] == "traffic"
    assert made.origins["words_prompt"] == "prompts acceptance"
    asked(database, version, stored(database, "second", subject=1))
    make(database, eyes())
    assert set(current(database, version).origins.values()) == {"traffic", "prompts second"}


def test_what_cannot_be_asked_for(database: Database, version: UUID) -> None:
    few = stored(database, "few", 49)
    with pytest.raises(InvalidRequest, match="49 different prompts") as refused:
        asked(database, version, few)
    assert (refused.value.field, refused.value.remedy is not None) == ("prompts", True)
    with database.transaction() as session:
        alike = keep(session, "assistant", "alike", [Given("0 1 the same", {})] * 200)[0].id
    with pytest.raises(InvalidRequest, match="1 different prompts"):
        asked(database, version, alike)
    asked(database, version, stored(database))
    with pytest.raises(Conflict, match="being made"):
        asked(database, version, stored(database))


def test_without_the_encoder_it_waits_and_then_goes_without(database: Database, version: UUID) -> None:
    asked(database, version, stored(database))
    absent = eyes(away=100)
    for _ in range(PATIENT - 1):
        assert make(database, absent) is Making.WAITING
    assert make(database, absent) is Making.MADE
    assert list(current(database, version).origins) == ["words_prompt"]
    asked(database, version, stored(database))
    back = eyes(away=1)
    assert [make(database, back), make(database, back)] == [Making.WAITING, Making.MADE]
    assert "encoded_prompt" in current(database, version).origins


def test_without_any_eyes_it_fails_with_the_remedy(database: Database, version: UUID) -> None:
    asked(database, version, stored(database))
    assert make(database, Eyes(None, None)) is Making.FAILED
    with database.transaction() as session:
        request = session.scalars(select(ReferenceRequest)).one()
        assert request.error is not None
        assert "MAINSPRING_ENCODER" in request.error["remedy"]


class Falling(Subjects):
    def encode(self, texts: Sequence[str]) -> Encoded | None:  # noqa: ARG002
        raise ZeroDivisionError


def test_what_takes_its_maker_down_is_given_up(database: Database, version: UUID) -> None:
    asked(database, version, stored(database))
    for _ in range(MOST_TRIES):
        with pytest.raises(ZeroDivisionError):
            make(database, Eyes(Subjects(), Falling()))
    assert make(database, Eyes(Subjects(), Falling())) is Making.FAILED
    assert make(database, eyes()) is None


def test_two_makers_at_once_make_it_once(database: Database, version: UUID) -> None:
    asked(database, version, stored(database))
    found: list[Making | None] = []
    makers = [Thread(target=lambda: found.append(make(database, eyes()))) for _ in range(3)]
    for one in makers:
        one.start()
    for one in makers:
        one.join()
    assert found.count(Making.MADE) == 1
    with database.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Reference)) == 1


def test_lengths_are_as_the_version_has_counted_them(database: Database, version: UUID) -> None:
    """Where it has answered the prompts, as at its test; else nobody knows them before there is traffic."""
    prompts = stored(database)
    with database.transaction() as session:
        for one in session.scalars(select(Prompt).where(Prompt.set_id == prompts)):
            session.add(
                Trial(
                    id=uuid7(),
                    version_id=version,
                    prompt_id=one.id,
                    state="done",
                    finished_at=func.now(),
                    usage={"prompt_tokens": 7 + one.position},
                )
            )
    asked(database, version, prompts)
    make(database, eyes())
    made = current(database, version)
    assert made.origins["prompt_tokens"] == "prompts acceptance"
    assert sorted(unpacked(made.content)["prompt_tokens"]) == list(range(7, 157))
