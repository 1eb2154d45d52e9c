"""What passes is timed from its first failure on, and begins anew when something else is wrong, or nothing was."""

from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from mainspring.errors import EngineFailed, LoadingFailed, MainspringError, ModelRefused, StackError
from mainspring.tables import EngineName, EngineWish, Refusal, Stage, Task, Version
from workers.held import Need, Wanted, taken
from workers.refusals import RETRY_TICKS, NoRoom, Refusals


def wanted(
    stage: Stage = Stage.STAGING, engine: EngineName = EngineName.AUTO, one: Version | None = None
) -> Wanted:
    version = one or Version(id=uuid4(), deployment="assistant", number=1)
    version.stage = stage.value
    return Wanted(version, Path(), Task.TEXT_GENERATION, EngineWish(engine))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StackError("the store is away"), Refusal.PASSING),
        (LoadingFailed("memory ran out"), Refusal.PASSING),
        (EngineFailed("the server is away"), Refusal.PASSING),
        (ModelRefused("it is damaged"), Refusal.LASTING),
        (NoRoom(2, 1, later=False), Refusal.LASTING),
        (NoRoom(2, 1, later=True), Refusal.ROOM),
    ],
)
def test_what_may_pass_is_told_from_what_stays(error: MainspringError, kind: Refusal) -> None:
    assert Refusals().note(wanted(), error)[0] is kind


def test_it_lasts_from_the_first_time_on() -> None:
    refusals, one = Refusals(count(100.0, 30.0).__next__), wanted()
    away = StackError("the store is away")
    assert [refusals.note(one, away)[1] for _ in range(3)] == [0, 30, 60]
    refusals.note(one, ModelRefused("it is damaged"))
    assert [refusals.note(one, away)[1] for _ in range(2)] == [0, 30]
    refusals.forget(one.version.id)
    assert refusals.note(one, away)[1] == 0


def test_it_is_tried_again_after_a_while_or_at_once_if_something_else_is_asked_for() -> None:
    refusals, one = Refusals(), wanted()
    refusals.note(one, ModelRefused("it is damaged"))
    assert [refusals.may_try(one) for _ in range(RETRY_TICKS + 1)] == [False] * RETRY_TICKS + [True]
    refusals.note(one, ModelRefused("it is damaged"))
    assert refusals.may_try(wanted(engine=EngineName.CONTINUOUS, one=one.version))
    assert refusals.may_try(wanted(stage=Stage.CANARY, one=one.version))
    refusals.keep_only(set())
    assert refusals.may_try(wanted(one=one.version))


def test_weights_that_versions_have_in_common_count_once() -> None:
    base, adapter, alone = Need(1, 10, of="a"), Need(2, 10, of="a"), Need(5)
    assert taken([]) == 0
    assert taken([base]) == base.alone == 11
    assert taken([base, adapter, alone]) == 18
    assert taken([adapter, alone]) == 17
    assert taken([base, Need(1, 10, of="b")]) == 22
