"""The same recipe in processes that a launcher started: as one would have done it, also when they were killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mainspring.errors import MainspringError
from mainspring.tables import Task
from mainspring.training.errors import RunInterrupted, RunLost, TrainingFailed
from mainspring.training.recipes import CONTINUED_PRETRAINING, ContinuedPretraining
from tests.api.serving import until
from tests.workers.fitting import workshop
from workers.gpu.recipes import continued_pretraining
from workers.gpu.recipes.checkpoints import complete
from workers.gpu.recipes.launching import LAUNCHED, Job, Wish, launch, write_wish

BIN = Path(sys.executable).parent
TWO = f"{BIN}/accelerate launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no"


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Parameters of a small run. Two processes share two cores, so each has one thread."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(40):
        text = f"Gear {number}\n=======\n\nGear number {number} has {number * 7 % 31} teeth and drives its neighbour."
        (corpus / f"{number}.md").write_text(text)
    return {
        "corpus": {"folder": str(corpus)},
        "steps": 12,
        "batch_size": 8,
        "block_length": 16,
        "checkpoint_steps": 4,
    }


def killed_with_a_checkpoint(folder: Path, given: dict[str, Any], command: str) -> None:
    """Every process of it, by SIGKILL."""
    folder.mkdir()
    Job(CONTINUED_PRETRAINING, given, "text-generation", 1, str(folder)).write(folder)
    write_wish(workshop(folder), Wish.GO_ON)
    started = subprocess.Popen([*command.split(), "-m", LAUNCHED, str(folder)], start_new_session=True)

    def has_one() -> bool:
        write_wish(workshop(folder), Wish.GO_ON)
        return bool(complete(folder))

    until(has_one, 120)
    children = subprocess.run(["pgrep", "-P", str(started.pid)], capture_output=True, text=True).stdout
    for process in (started.pid, *map(int, children.split())):
        os.kill(process, signal.SIGKILL)
    started.wait()


def test_two_that_were_killed_do_what_one_does(tmp_path: Path, given: dict[str, Any]) -> None:
    alone = workshop(tmp_path / "one")
    one = continued_pretraining.make(ContinuedPretraining(**given), Task.TEXT_GENERATION, alone)
    folder = tmp_path / "two"
    killed_with_a_checkpoint(folder, given, TWO)
    assert complete(folder)[-1].step < 12
    told: list[str] = []
    at = workshop(folder, attempt=2, tell=lambda *said: told.append(said[1]))
    two = launch(TWO, CONTINUED_PRETRAINING, given, Task.TEXT_GENERATION, at)
    assert two.measures["loss"] == pytest.approx(one.measures["loss"], abs=1e-4)
    assert two.folder == at.output
    assert (two.folder / "model.safetensors").exists()
    assert two.dataset == one.dataset
    assert any("training · step" in activity for activity in told)


@pytest.mark.slow
def test_what_is_wished_of_them_reaches_them(tmp_path: Path, given: dict[str, Any]) -> None:
    long = given | {"steps": 100_000}
    folder = tmp_path / "paused"
    with pytest.raises(RunInterrupted) as paused:
        at = workshop(folder, stopping=lambda: bool(complete(folder)))
        launch(sys.executable, CONTINUED_PRETRAINING, long, Task.TEXT_GENERATION, at)
    assert not isinstance(paused.value, RunLost)
    step = complete(folder)[-1].step
    assert step < 100_000

    def lost(fraction: float, activity: str, measures: dict[str, Any]) -> None:
        if "step" in measures:
            raise RunLost("it belongs to another attempt")

    with pytest.raises(RunLost):
        launch(sys.executable, CONTINUED_PRETRAINING, long, Task.TEXT_GENERATION, workshop(folder, 2, lost))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "changed", "field"),
    [
        ("no-such-launcher", {}, "MAINSPRING_TRAIN_LAUNCH"),
        (sys.executable, {"corpus": {"docstrings": ["no_such_module"]}}, "parameters.corpus.docstrings"),
        (TWO, {"batch_size": 7}, "parameters.batch_size"),
        (f"{sys.executable} -c pass", {}, None),
    ],
)
def test_what_they_cannot_do_says_why(
    tmp_path: Path, given: dict[str, Any], *, command: str, changed: dict[str, Any], field: str | None
) -> None:
    at = workshop(tmp_path / "run")
    with pytest.raises(TrainingFailed) as failed:
        launch(command, CONTINUED_PRETRAINING, given | changed, Task.TEXT_GENERATION, at)
    assert isinstance(failed.value, MainspringError)
    assert failed.value.field == field
    assert failed.value.remedy
