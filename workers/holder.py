"""Reconciles the versions that a worker holds with the rows that say which ones should be live.

Loads what is missing within the memory budget, for which those that leave give way, unloads what is no longer wanted after its last job,
and rebuilds an engine that died or hangs. It knows nothing of torch: see engines.py.
"""

from collections import defaultdict
from collections.abc import Callable
from threading import Event, Thread
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from mainspring.errors import MainspringError
from mainspring.logs import log, places
from mainspring.messages import version_queue
from mainspring.registry import base_files_of, desired, engine_of, task_of
from mainspring.settings import Settings
from mainspring.tables import Database, Stage
from workers.engines import Engines
from workers.garbage import give_back
from workers.held import Held, Need, Wanted
from workers.plans import Plans
from workers.refusals import Refusals, as_refusal, in_a_line
from workers.report import Report

WATCH_SECONDS = 1.0


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
        self._engines, self._plans = engines, Plans(database, engines.machine)
        self._consume, self._ignore = consume, ignore
        self._held: dict[UUID, Held] = {}
        self._refusals = Refusals()
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
        wanted = self._wanted()
        self._refusals.keep_only(wanted.keys())
        self._draining.clear()
        for version_id, one in wanted.items():
            if one.version.stage == Stage.DRAINING:
                self._draining[one.version.deployment].add(version_id)
        self._unload_all_but(wanted)
        for version_id, one in wanted.items():
            if self._closed.is_set():
                return
            if version_id not in self._held and self._refusals.may_try(one):
                self._hold(one)

    def _wanted(self) -> dict[UUID, Wanted]:
        with self._database.transaction() as session:
            return {
                version.id: Wanted(
                    version,
                    self._settings.store / version.path,
                    task_of(session, version),
                    engine_of(session, version),
                    base_files_of(session, version),
                )
                for version in desired(session, self._settings.environment)
            }

    def _hold(self, wanted: Wanted) -> None:
        version, asked = wanted.version, wanted.wish.name
        try:
            self._engines.fetch(version.digest)
            need = self._make_room(wanted)
            self._report.loading(version.id, asked, need.alone)
            engine = self._engines.make(wanted, self._plans.known(version.id, asked))
        except SQLAlchemyError:
            raise  # which says nothing of the version
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the others have to be held
            self._refuse(wanted, error)
            return
        try:
            self._plans.keep(version.id, asked, engine)
            self._report.ready(version.id, asked, need.alone, engine)
        except SQLAlchemyError:
            engine.stop(0)  # it is loaded once more when the database is back
            raise
        self._held[version.id] = Held(wanted, need, engine)
        self._refusals.forget(version.id)
        log.info("version.ready", version=version.label, engine=engine.name)
        self._consume(version_queue(str(version.id)))

    def _make_room(self, wanted: Wanted) -> Need:
        """Its jobs wait while the versions that it replaced finish what they run and go; theirs go on with it then.

        Nothing is unloaded if that would not be enough, or if its files are not what was registered: of these it is
        told before anything is made of them. Raises ModelRefused.
        """
        engines, leaving = self._engines, self._leaving(wanted)
        staying = [held for held in self.all() if held not in leaving]
        # What lacks room only is not read again at each try.
        if not self._refusals.lacked_room(wanted) or engines.fits(engines.need_of(wanted), staying):
            engines.look_at(wanted)
        need = engines.need_of(wanted)
        if not engines.fits(need, staying):
            raise engines.no_room(need, self.all())
        for held in leaving:
            if engines.fits(need, self.all()):
                break
            log.info("version.gave_way", version=held.label, to=wanted.version.label)
            self._unload(held)
        return need

    def _leaving(self, wanted: Wanted) -> list[Held]:
        """Those that give way to it."""
        version = wanted.version
        before = self._draining[version.deployment] if version.stage == Stage.PRODUCTION else ()
        return [held for held in self.all() if held.version_id in before]

    def _refuse(self, wanted: Wanted, error: Exception) -> None:
        version, reason = wanted.version, as_refusal(error)
        log.error("version.refused", version=version.label, reason=reason.detail, at=places(error))
        self._unloaded = True  # whatever was there of it
        kind, lasted = self._refusals.note(wanted, reason)
        self._report.refused(version.id, wanted.wish.name, in_a_line(reason), kind, lasted)

    def _unload_all_but(self, wanted: dict[UUID, Wanted]) -> None:
        for held in self.all():
            one = wanted.get(held.version_id)
            if one is None or one.wish != held.wanted.wish:
                self._unload(held)

    def _unload(self, held: Held) -> None:
        self._ignore(version_queue(str(held.version_id)))
        held.ready = False
        try:
            held.engine.stop(self._settings.drain_seconds)
        finally:  # whatever it may have raised, it is not held any more
            self._held.pop(held.version_id, None)
            self._unloaded = True
            self._report.gone(held.version_id)
        log.info("version.unloaded", version=held.label)

    def _watch(self) -> None:
        for held in self.all():
            health = held.engine.health()
            hangs = health.pending > 0 and health.idle_seconds > self._settings.hang_seconds
            if held.ready and (hangs or not health.alive):
                log.error("engine.rebuilt", version=held.label, hung=hangs, pending=health.pending)
                self._rebuild(held)

    def _rebuild(self, held: Held) -> None:
        """Its requests fail over to another attempt; the version stays, with a new engine, if its files are as they were."""
        wanted = held.wanted
        self._report.loading(held.version_id, wanted.wish.name, held.need.alone)
        held.ready = False
        try:
            held.engine.stop(0)
            self._engines.look_at(wanted)
            engine = self._engines.make(wanted, held.engine.plan)
        except Exception as error:  # noqa: BLE001  it is no longer held: reconciling tries it again from the start
            self._ignore(version_queue(str(held.version_id)))
            self._held.pop(held.version_id, None)
            self._refuse(wanted, error)
            return
        if self.find(held.version_id) is not held:  # it was unloaded meanwhile
            engine.stop(0)
            return
        held.engine, held.ready = engine, True
        self._report.ready(held.version_id, wanted.wish.name, held.need.alone, engine)

    def _every(self, step: Callable[[], None], seconds: float) -> None:
        while not self._closed.is_set():
            try:
                step()
            except SQLAlchemyError as error:
                log.warning("holder.later", step=step.__name__, error=type(error).__name__)
            except MainspringError as error:
                log.error("holder.failed", step=step.__name__, code=error.code)
            except Exception as error:  # noqa: BLE001  a thread that ends would leave the worker as it is, for ever
                log.error("holder.failed", step=step.__name__, error=type(error).__name__, at=places(error))
            if step == self._watch:
                self._closed.wait(seconds)
            else:
                self._look.wait(seconds)
                self._look.clear()
