"""A recipe in processes that a launcher starts, such as `accelerate launch` for several GPUs.

The run's folder is all that its own process and theirs have in common:

    job.json      recipe, parameters, task: what they do
    told.jsonl    how far they are, a line each time, by the first of them
    wish          whose they are, and how they shall end; its age says whether anybody still listens
    ended.json    what came out, or the error
"""

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from mainspring.errors import MainspringError
from mainspring.tables import Task
from mainspring.training.errors import RunInterrupted, RunLost, TrainingFailed
from workers.gpu.recipes.workshop import Made, Workshop

LOOK_SECONDS = 0.3
DEAF_SECONDS = 30.0  # a wish this old: its process is dead
TERMINATE_SECONDS = 20.0
END_SECONDS = 120.0  # for the processes to write a checkpoint and end
LAUNCHED = "workers.gpu.recipes.alone"


class Wish(StrEnum):
    GO_ON = "go on"
    STOP = "stop"  # with a checkpoint
    END = "end"  # at once: it is lost or cancelled


@dataclass(frozen=True)
class Job:
    """`datasets`: where they are. `until`: the workshop's."""

    recipe: str
    parameters: dict[str, Any]
    task: str
    attempt: int
    datasets: str
    until: int | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        return cls(**json.loads((folder / "job.json").read_text(encoding="utf-8")))

    def write(self, folder: Path) -> None:
        _put(folder / "job.json", asdict(self))


def launch(command: str, recipe: str, parameters: dict[str, Any], task: Task, workshop: Workshop) -> Made:
    """What the recipe makes there. `command`: of the launcher, with its options.

    Raises what the recipe raises, and TrainingFailed when the processes end without a word.
    """
    folder = workshop.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("told.jsonl", "ended.json"):
        (folder / name).unlink(missing_ok=True)
    place = str(workshop.datasets)
    Job(recipe, parameters, task.value, workshop.attempt, place, workshop.until).write(folder)
    write_wish(workshop, Wish.GO_ON)
    with _started([*shlex.split(command), "-m", LAUNCHED, str(folder.absolute())]) as processes:
        _relay(workshop, processes)
    return result(folder, processes.returncode)


def end(folder: Path, made: Made | MainspringError) -> None:
    """By the first of the processes: what launch() returns, or raises."""
    if isinstance(made, Made):
        _put(folder / "ended.json", {"made": asdict(replace(made)) | {"folder": str(made.folder)}})
        return
    kind = "interrupted" if isinstance(made, RunInterrupted) else "failed"
    _put(folder / "ended.json", {kind: made.as_json()})


class Listener:
    """What the first of the processes tells, and what is wished of it."""

    def __init__(self, folder: Path, attempt: int) -> None:
        self._folder, self._attempt = folder, attempt

    def tell(self, fraction: float, activity: str, measures: dict[str, Any]) -> None:
        """Raises RunLost when nobody listens any more, or its work has to end at once."""
        if self._wish() is Wish.END:
            raise RunLost("nobody wants it from this process any more")
        line = json.dumps([fraction, activity, measures])
        with (self._folder / "told.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def stopping(self) -> bool:
        return self._wish() is Wish.STOP

    def _wish(self) -> Wish:
        place = self._folder / "wish"
        attempt, _, wish = place.read_text(encoding="utf-8").partition(" ")
        deaf = time.time() - place.stat().st_mtime > DEAF_SECONDS
        return Wish.END if deaf or int(attempt) != self._attempt else Wish(wish)


def _relay(workshop: Workshop, processes: "subprocess.Popen[bytes]") -> None:
    """Until they end. Raises what tell() raises, when they have ended."""
    told = _Told(workshop.folder / "told.jsonl")
    refused: MainspringError | None = None
    deadline = float("inf")
    while processes.poll() is None:
        wish = Wish.STOP if workshop.stopping() else Wish.GO_ON
        if refused is not None:
            wish = Wish.END
        write_wish(workshop, wish)
        if wish is not Wish.GO_ON:
            deadline = min(deadline, time.monotonic() + END_SECONDS)
        if time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
        refused = refused or _passed_on(told, workshop)
    refused = refused or _passed_on(told, workshop)
    if refused is not None:
        raise refused


def _passed_on(told: "_Told", workshop: Workshop) -> MainspringError | None:
    """The last of what was said; what it was answered, when that was no."""
    lines = told.new()
    if not lines:
        return None
    fraction, activity, _ = lines[-1]
    measures = {name: value for _, _, some in lines for name, value in some.items()}
    try:
        workshop.tell(fraction, activity, measures)
    except MainspringError as error:
        return error
    return None


class _Told:
    """Complete lines of a file that grows."""

    def __init__(self, place: Path) -> None:
        self._place, self._read = place, 0

    def new(self) -> list[tuple[float, str, dict[str, Any]]]:
        if not self._place.exists():
            return []
        with self._place.open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + bool(whole)
        return [(one[0], one[1], one[2]) for one in map(json.loads, whole.splitlines())]


@contextmanager
def _started(command: list[str]) -> "Iterator[subprocess.Popen[bytes]]":
    """The launcher in a group of its own; nothing of it is left behind."""
    try:
        processes = subprocess.Popen(command, start_new_session=True)
    except OSError as error:
        raise TrainingFailed(
            f"the launcher cannot be started ({type(error).__name__})",
            field="MAINSPRING_TRAIN_LAUNCH",
            remedy="Give the command of a launcher that is installed on the train worker's machine.",
        ) from None
    try:
        yield processes
    finally:
        _kill(processes)


def _kill(processes: "subprocess.Popen[bytes]") -> None:
    """A launcher that is asked to ends its processes, which are in groups of their own."""
    if processes.poll() is None:
        processes.terminate()
    try:
        processes.wait(TERMINATE_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(processes.pid, signal.SIGKILL)
        processes.wait()


def result(folder: Path, code: int | None) -> Made:
    place = folder / "ended.json"
    if not place.exists():
        raise TrainingFailed(
            f"the launched processes ended with {code} and without a result",
            remedy="See the train worker's log. Out of memory: more accumulation_steps, or a shorter block_length.",
        )
    ended = json.loads(place.read_text(encoding="utf-8"))
    if "made" in ended:
        return Made(**ended["made"] | {"folder": Path(ended["made"]["folder"])})
    if "interrupted" in ended:
        raise RunInterrupted("the worker is stopping")
    raise _Said(ended["failed"])


class _Said(TrainingFailed):
    """An error of another process, as it was there."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(said["detail"], field=said.get("field"), remedy=said.get("remedy"))
        self.code = said["code"]


def write_wish(workshop: Workshop, wish: Wish) -> None:
    """Written anew each time, so that its age says that somebody is here."""
    place = workshop.folder / "wish"
    aside = place.with_suffix(".new")
    aside.write_text(f"{workshop.attempt} {wish}", encoding="utf-8")
    aside.replace(place)


def _put(place: Path, value: dict[str, Any]) -> None:
    aside = place.with_suffix(".new")
    aside.write_text(json.dumps(value), encoding="utf-8")
    aside.replace(place)
