"""A training loop that was stopped ends as one that was not: the same examples, the same randomness, the same numbers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mainspring.training.errors import RunCancelled, RunInterrupted, RunLost
from mainspring.training.loop import Decay, Loop
from tests.workers.fitting import Trained, train, workshop
from workers.gpu.recipes import checkpoints
from workers.gpu.recipes.checkpoints import complete

LOOP = Loop(steps=12, batch_size=4, seed=5, checkpoint_steps=3, accumulation_steps=2)


def after(step: int) -> Callable[..., bool]:
    """Whether so many steps are done, asked once a step."""
    asked = iter(range(1, 1000))
    return lambda: next(asked) >= step


@pytest.fixture(scope="module")
def folder_of_unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("unbroken")


@pytest.fixture(scope="module")
def unbroken(folder_of_unbroken: Path) -> Trained:
    return train(workshop(folder_of_unbroken), LOOP)


@pytest.mark.parametrize("step", [3, 11])
def test_stopped_and_resumed_it_is_the_same(tmp_path: Path, unbroken: Trained, step: int) -> None:
    """Ten examples are two and a half batches: it stops in the middle of a pass, too."""
    folder = tmp_path / "broken"
    with pytest.raises(RunInterrupted):
        train(workshop(folder, stopping=after(step)), LOOP)
    assert complete(folder)[-1].step == step
    resumed = train(workshop(folder, attempt=2), LOOP)
    assert resumed.equals(unbroken)
    assert resumed.measures["loss"] == pytest.approx(unbroken.measures["loss"], abs=1e-5)
    assert resumed.examples.learned == unbroken.examples.learned[step * LOOP.batch_size :]


def test_each_example_is_seen_once_a_pass(unbroken: Trained) -> None:
    asked = unbroken.examples.learned
    assert len(asked) == LOOP.steps * LOOP.batch_size
    for begin in range(0, 40, 10):
        assert sorted(asked[begin : begin + 10]) == list(range(10))
    assert asked[:10] != asked[10:20]


def test_in_parts_it_learns_the_same(tmp_path: Path, unbroken: Trained) -> None:
    """Which examples a step takes does not depend on how they fit into memory."""
    whole = train(workshop(tmp_path / "whole"), replace(LOOP, accumulation_steps=1))
    assert whole.examples.learned == unbroken.examples.learned


def test_what_ends_behind_its_last_step_is_only_evaluated_again(
    folder_of_unbroken: Path, unbroken: Trained
) -> None:
    again = train(workshop(folder_of_unbroken, attempt=2), LOOP)
    assert again.examples.learned == []
    assert again.equals(unbroken)
    assert again.measures["loss"] == pytest.approx(unbroken.measures["loss"], abs=1e-5)


def test_what_is_half_written_does_not_count(tmp_path: Path, unbroken: Trained) -> None:
    folder = tmp_path / "broken"
    with pytest.raises(RunInterrupted):
        train(workshop(folder, stopping=after(4)), LOOP)
    for half in ("checkpoints-1/writing/checkpoint-9", "checkpoints-1/dropped-10"):
        (folder / half).mkdir(parents=True)
        (folder / half / "trainer_state.json").write_text('{"global_step":')
    (folder / "checkpoints-1" / "checkpoint-11").mkdir()
    at = workshop(folder, attempt=2)
    assert at.last_checkpoint() == folder / "checkpoints-1" / "checkpoint-4"
    assert train(at, LOOP).equals(unbroken)


def test_few_checkpoints_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(workshop(folder), replace(LOOP, checkpoint_steps=1))
    assert [one.step for one in complete(folder)] == [11, 12]
    assert not list(folder.glob("*/dropped-*"))
    assert list((folder / "checkpoints-1" / checkpoints.WRITING).iterdir()) == []


@pytest.mark.parametrize(
    ("error", "kept"),
    [(RunInterrupted("paused"), 1), (RunLost("lost"), 0), (RunCancelled("unwanted"), 0)],
)
def test_who_is_told_may_end_it(tmp_path: Path, error: Exception, kept: int) -> None:
    """A pause keeps what there is; what is lost or cancelled writes nothing more."""
    told = []

    def tell(fraction: float, activity: str, measures: dict) -> None:
        told.append(measures.get("step", 0))
        raise error

    at = workshop(tmp_path / "run", tell=tell)
    with pytest.raises(type(error)) as raised:
        train(at, replace(LOOP, checkpoint_steps=100))
    assert raised.value is error
    assert len(told) == 1
    assert told[0] <= 3
    assert len(complete(at.folder)) == kept


def test_it_goes_on_to_another_step(tmp_path: Path, unbroken: Trained) -> None:
    folder = tmp_path / "run"
    first = train(workshop(folder), LOOP, until=5)
    again = train(workshop(folder, attempt=2), LOOP, until=5)
    assert (again.equals(first), again.examples.learned) == (True, [])
    assert train(workshop(folder, attempt=3), LOOP).equals(unbroken)


def test_the_rate_may_stay_up_until_the_last_fifth(tmp_path: Path, unbroken: Trained) -> None:
    held = train(workshop(tmp_path / "wsd"), replace(LOOP, decay=Decay.WSD))
    assert not held.equals(unbroken)
    assert held.measures["loss"] < 4.2
