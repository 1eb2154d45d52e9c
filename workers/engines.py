"""How versions become engines in a worker, and within which memory. Given from outside: nothing here knows of torch."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from mainspring.registry import verify
from mainspring.serving.engine import Engine, Plan
from mainspring.tables import EngineWish
from workers.held import Held, Need, Wanted, taken
from workers.refusals import NoRoom

Files = dict[str, str] | None


@dataclass(frozen=True)
class Engines:
    """`load` makes the engine that is wished for of a version's folder and task, `needs` says what it takes.

    `fetch` sees to it that a model of that digest is in the store's folder. `load` is given the plan that is known for
    such a `machine`, if any; else it measures. `check` reads a folder again, given what was registered, of an adapter's
    base too.
    """

    load: Callable[[Path, str, EngineWish, Plan | None], Engine]
    needs: Callable[[Path, str, EngineWish], Need]
    budget_bytes: int
    machine: str = ""
    check: Callable[[Path, str, Files, Files], None] = verify
    fetch: Callable[[str], None] = lambda _: None

    def make(self, wanted: Wanted, known: Plan | None) -> Engine:
        """Raises ModelRefused."""
        return self.load(wanted.path, wanted.task, wanted.wish, known)

    def look_at(self, wanted: Wanted) -> None:
        """Raises ModelRefused if its files are not what was registered."""
        self.check(wanted.path, wanted.version.digest, wanted.version.files, wanted.base_files)

    def need_of(self, wanted: Wanted) -> Need:
        """Raises ModelRefused."""
        return self.needs(wanted.path, wanted.task, wanted.wish)

    def fits(self, need: Need, beside: Iterable[Held]) -> bool:
        return taken([need, *(held.need for held in beside)]) <= self.budget_bytes

    def no_room(self, need: Need, beside: Iterable[Held]) -> NoRoom:
        """What is said of a version that does not fit."""
        others = [held.need for held in beside]
        more, left = taken([need, *others]) - taken(others), self.budget_bytes - taken(others)
        return NoRoom(more, left, later=need.alone <= self.budget_bytes)
