"""Reconciles the versions that a worker holds with the rows that say which ones should be live.

Loads what is missing within the memory budget, for which those that leave give way, unloads what is no longer wanted after its last job,
and rebuilds an engine that died or hangs. It knows nothing of torch: `load` and `needs` are given to it.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from mainspring.errors import MainspringError, ModelRefused
from mainspring.logs import log
from mainspring.messages import version_queue
from mainspring.registry import desired, engine_of, task_of, verify
from mainspring.serving.engine import Engine, Plan
from mainspring.settings import Settings
from mainspring.tables import Database, EngineWish, Stage, Task, Version
from workers.garbage import give_back
from workers.held import Held
from workers.plans import Plans
from workers.report import Report

WATCH_SECONDS = 1.0
RETRY_TICKS = 15  # a version that could not be loaded is tried again after so many ticks


@dataclass(frozen=True)
class Engines:
    """`load` makes the engine that is wished for of a version's folder and task, `needs` says how many bytes it takes.

    `fetch` sees to it that a model of that digest is in the store's folder. `load` is given the plan that is known for such a `machine`, if any; else it measures. `check` reads a folder again,
    given what was registered.
    """

    load: Callable[[Path, str, EngineWish, Plan | None], Engine]
    needs: Callable[[Path, str, EngineWish], int]
    budget_bytes: int
    machine: str = ""
    check: Callable[[Path, str, dict[str, str] | None], None] = verify
    fetch: Callable[[str], None] = lambda _: None


class Holder:
    """`consume` and `ignore` begin and stop taking a queue's messages."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        report: Report,
        engines: Engines,
        *,
        consume: Callable[[str], None],
        ignore: Callable[[str], None],
    ) -> None:
        self._database, self._settings, self._report = database, settings, report
        self._load, self._needs, self._budget = engines.load, engines.needs, engines.budget_bytes
        self._check, self._fetch = engines.check, engines.fetch
        self._plans = Plans(database, engines.machine)
        self._consume, self._ignore = consume, ignore
        self._held: dict[UUID, Held] = {}
        self._refused: dict[UUID, int] = {}
        self._unloaded = False
        self._draining: defaultdict[str, set[UUID]] = defaultdict(set)  # by deployment, as last seen
        self._closed, self._look = Event(), Event()
        self._threads = [
            Thread(target=self._every, args=(self.reconcile, self._settings.reconcile_seconds), daemon=True),
            Thread(target=self._every, args=(self._watch, WATCH_SECONDS), daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def look(self) -> None:
        """The rows have changed: reconcile now rather than at the next tick."""
        self._look.set()

    def find(self, version_id: UUID) -> Held | None:
        return self._held.get(version_id)

    def all(self) -> list[Held]:
        return list(self._held.values())

    def queues(self) -> list[str]:
        return [version_queue(str(held.version_id)) for held in self._held.values() if held.ready]

    def close(self, drain_seconds: float) -> None:
        """Take nothing new; finish or hand back what runs. All engines drain at the same time."""
        self._closed.set()
        self._look.set()
        stops = [Thread(target=held.engine.stop, args=(drain_seconds,)) for held in self._held.values()]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join(timeout=drain_seconds + 5)

    def reconcile(self) -> None:
        """One comparison of what is wanted with what is held."""
        if self._unloaded:  # since the last look: by now its threads have let go of it, too
            self._unloaded = False
            give_back()
        with self._database.transaction() as session:
            wanted = {
                version.id: (version, task_of(session, version), engine_of(session, version))
                for version in desired(session, self._settings.environment)
            }
        self._draining.clear()
        for version, _, _ in wanted.values():
            if version.stage == Stage.DRAINING:
                self._draining[version.deployment].add(version.id)
        self._unload_all_but({version_id: wish for version_id, (_, _, wish) in wanted.items()})
        for version_id, (version, task, wish) in wanted.items():
            if self._closed.is_set():
                return
            if version_id not in self._held and self._may_try(version_id):
                self._hold(version, task, wish)

    def _may_try(self, version_id: UUID) -> bool:
        left = self._refused.get(version_id, 0)
        self._refused[version_id] = max(left - 1, 0)
        return left == 0

    def _hold(self, version: Version, task: Task, wish: EngineWish) -> None:
        path = self._settings.store / version.path
        try:
            self._fetch(version.digest)
            need = self._needs(path, task, wish)
            if need > self._free() and version.stage == Stage.PRODUCTION:
                self._make_room(version, need)
            if need > self._free():
                self._refuse(version, wish, _too_large(need, self._free()))
                return
            self._report.loading(version.id, wish.name, need)
            self._check(path, version.digest, version.files)
            engine = self._load(path, task, wish, self._plans.known(version.id, wish.name))
        except MainspringError as error:
            self._refuse(version, wish, error)
            return
        self._plans.keep(version.id, wish.name, engine)
        held = Held(version.id, version.label, str(path), task, need, wish, engine)
        self._held[version.id] = held
        self._report.ready(version.id, wish.name, need, engine)
        log.info("version.ready", version=version.label, engine=engine.name)
        self._consume(version_queue(str(version.id)))

    def _free(self) -> int:
        return self._budget - sum(held.memory_bytes for held in self._held.values())

    def _make_room(self, champion: Version, need: int) -> None:
        """Its jobs wait while the versions that it replaced finish what they run and go; theirs go on with it then.

        Nothing is unloaded if that would not be enough.
        """
        leaving = [
            held for held in self._held.values() if held.version_id in self._draining[champion.deployment]
        ]
        if need > self._free() + sum(held.memory_bytes for held in leaving):
            return
        for held in leaving:
            if need <= self._free():
                break
            log.info("version.gave_way", version=held.label, to=champion.label)
            self._unload(held)

    def _refuse(self, version: Version, wish: EngineWish, error: MainspringError) -> None:
        log.error("version.refused", version=version.label, reason=error.detail)
        self._refused[version.id] = RETRY_TICKS
        self._report.refused(version.id, wish.name, _reason(error))

    def _unload_all_but(self, wanted: dict[UUID, EngineWish]) -> None:
        unwanted = [one for one, held in self._held.items() if wanted.get(one) != held.wish]
        for version_id in unwanted:
            self._unload(self._held[version_id])
            self._refused.pop(version_id, None)

    def _unload(self, held: Held) -> None:
        self._ignore(version_queue(str(held.version_id)))
        held.ready = False
        held.engine.stop(self._settings.drain_seconds)
        del self._held[held.version_id]
        self._unloaded = True
        self._report.gone(held.version_id)
        log.info("version.unloaded", version=held.label)

    def _watch(self) -> None:
        for held in list(self._held.values()):
            health = held.engine.health()
            hangs = health.pending > 0 and health.idle_seconds > self._settings.hang_seconds
            if held.ready and (hangs or not health.alive):
                log.error("engine.rebuilt", version=held.label, hung=hangs, pending=health.pending)
                self._rebuild(held)

    def _rebuild(self, held: Held) -> None:
        """Its requests fail over to another attempt; the version stays, with a new engine."""
        held.ready = False
        self._report.loading(held.version_id, held.wish.name, held.memory_bytes)
        held.engine.stop(0)
        try:
            held.engine = self._load(Path(held.path), held.task, held.wish, held.engine.plan)
        except MainspringError as error:  # it is no longer held: reconciling tries it again from the start
            log.error("version.refused", version=held.label, reason=error.detail)
            self._ignore(version_queue(str(held.version_id)))
            del self._held[held.version_id]
            self._refused[held.version_id] = RETRY_TICKS
            self._report.refused(held.version_id, held.wish.name, _reason(error))
            return
        held.ready = True
        self._report.ready(held.version_id, held.wish.name, held.memory_bytes, held.engine)

    def _every(self, step: Callable[[], None], seconds: float) -> None:
        while not self._closed.is_set():
            try:
                step()
            except DBAPIError as error:
                log.warning("holder.later", step=step.__name__, error=type(error).__name__)
            except MainspringError as error:
                log.error("holder.failed", step=step.__name__, code=error.code)
            if step == self._watch:
                self._closed.wait(seconds)
            else:
                self._look.wait(seconds)
                self._look.clear()


def _too_large(need: int, free: int) -> ModelRefused:
    return ModelRefused(
        f"needs {need >> 20} MiB of memory, {max(free, 0) >> 20} MiB are left",
        remedy="Give the worker more memory (MAINSPRING_WORKER_MEMORY_BYTES) or retire another version.",
    )


def _reason(error: MainspringError) -> str:
    """One line for the row: what is wrong, then what to do."""
    return error.detail if error.remedy is None else f"{error.detail}. {error.remedy}"
