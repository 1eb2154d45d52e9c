"""The versions that a worker could not load: why, for how long, and when each is tried again."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from mainspring.errors import LoadingFailed, MainspringError, ModelRefused, StackError
from mainspring.tables import EngineWish, Refusal
from workers.held import Wanted

RETRY_TICKS = 15  # a version that could not be loaded is tried again after so many ticks


class NoRoom(ModelRefused):
    """It does not fit into the memory that is left; `later`: without the others it would."""

    def __init__(self, need: int, left: int, *, later: bool) -> None:
        super().__init__(
            f"needs {need >> 20} MiB of memory, {max(left, 0) >> 20} MiB are left",
            remedy="Give the worker more memory (MAINSPRING_WORKER_MEMORY_BYTES) or retire another version.",
        )
        self.later = later


@dataclass
class _Refused:
    """`asked`: the stage and the engine with which it was tried. `since`: on the monotonic clock."""

    asked: tuple[str, EngineWish]
    kind: Refusal
    since: float
    lacked_room: bool
    ticks: int = RETRY_TICKS


class Refusals:
    """By version. `now`: the monotonic clock."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._found: dict[UUID, _Refused] = {}

    def may_try(self, wanted: Wanted) -> bool:
        """Asked once a tick. At once, if its stage or its engine is another than when it was refused."""
        found = self._found.get(wanted.version.id)
        if found is None or found.asked != _asked(wanted):
            return True
        found.ticks -= 1
        return found.ticks < 0

    def note(self, wanted: Wanted, error: MainspringError) -> tuple[Refusal, float]:
        """Which kind of refusal it is, and for how many seconds it has been so."""
        kind, now, before = _kind(error), self._now(), self._found.get(wanted.version.id)
        since = now if before is None or before.kind is not kind else before.since
        lacked_room = isinstance(error, NoRoom)
        self._found[wanted.version.id] = _Refused(_asked(wanted), kind, since, lacked_room)
        return kind, now - since

    def lacked_room(self, wanted: Wanted) -> bool:
        """Whether that was all that was wrong with it."""
        found = self._found.get(wanted.version.id)
        return found is not None and found.lacked_room

    def forget(self, version_id: UUID) -> None:
        """It was loaded."""
        self._found.pop(version_id, None)

    def keep_only(self, wanted: AbstractSet[UUID]) -> None:
        for version_id in self._found.keys() - wanted:
            self.forget(version_id)


def as_refusal(error: Exception) -> MainspringError:
    """What nobody foresaw, in words for the row; not its own, which may be anything."""
    if isinstance(error, MainspringError):
        return error
    if isinstance(error, MemoryError):
        what = "memory ran out while it was loaded"
    elif isinstance(error, OSError):
        what = f"its files cannot be read ({error.strerror or type(error).__name__})"
    else:
        what = f"loading it failed ({type(error).__name__})"
    return LoadingFailed(what, remedy="It is tried again; the worker's log says where that was.")


def in_a_line(error: MainspringError) -> str:
    """For the row: what is wrong, then what to do."""
    return error.detail if error.remedy is None else f"{error.detail}. {error.remedy}"


def _kind(error: MainspringError) -> Refusal:
    if isinstance(error, NoRoom):
        return Refusal.ROOM if error.later else Refusal.LASTING
    passes = error.retryable or isinstance(error, StackError)
    return Refusal.PASSING if passes else Refusal.LASTING


def _asked(wanted: Wanted) -> tuple[str, EngineWish]:
    return wanted.version.stage, wanted.wish
