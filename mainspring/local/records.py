"""What a run writes down about itself, for `status`, `down` and for the `up` that follows a crash."""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import psutil
from pydantic import TypeAdapter, ValidationError

from mainspring.errors import StackError

T = TypeVar("T")

SAME_START = 2.0  # seconds: the kernel's boot time moves a little when the clock is set


@dataclass(frozen=True)
class ProcessRecord:
    """A pid alone may mean another process by now; with the time it was created it does not."""

    name: str
    pid: int
    created: float
    stop_signal: int
    kill_signal: int

    def process(self) -> psutil.Process | None:
        """The live process that this is about, if there is one."""
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.created) < SAME_START
            if same and found.status() != psutil.STATUS_ZOMBIE:
                return found
        return None


@dataclass(frozen=True)
class ServiceState:
    """`state`: starting, running, waiting (died, will start again) or stopped. `since` in ISO 8601."""

    name: str
    state: str
    pid: int | None
    since: str
    restarts: int
    address: str
    log: str


@dataclass(frozen=True)
class StackState:
    """`phase`: starting, ready or stopping."""

    phase: str
    address: str
    home: str
    supervisor: ProcessRecord
    services: list[ServiceState]


def record_of(name: str, pid: int, stop_signal: int, kill_signal: int) -> ProcessRecord | None:
    """None when the process is gone already."""
    try:
        return ProcessRecord(name, pid, psutil.Process(pid).create_time(), stop_signal, kill_signal)
    except psutil.NoSuchProcess:
        return None


def write(path: Path, content: object) -> None:
    """Whole or not at all. Dataclasses become objects."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    new.write_text(json.dumps(content, default=asdict, indent=1))
    new.replace(path)


def read_processes(path: Path) -> list[ProcessRecord]:
    """Empty when there is no file, or one that a crash left unreadable."""
    return _read(path, TypeAdapter(list[ProcessRecord])) or []


def read_supervisor(path: Path) -> ProcessRecord | None:
    return _read(path, TypeAdapter(ProcessRecord))


def read_state(path: Path) -> StackState | None:
    return _read(path, TypeAdapter(StackState))


def _read(path: Path, kind: TypeAdapter[T]) -> T | None:
    try:
        return kind.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    except PermissionError as error:
        raise StackError(
            f"{path} belongs to another user", remedy="Ask as the user who ran `mainspring up`."
        ) from error
