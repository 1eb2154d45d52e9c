"""`mainspring up`: check, heal, start, make ready, then supervise until told to stop. Each step is a method, in order."""

import time
from collections.abc import Callable, Sequence
from importlib import import_module

from rich.console import Console

from mainspring.errors import MainspringError
from mainspring.local import (
    checks,
    claim,
    first_key,
    folders,
    mlflow,
    postgres,
    postmaster,
    records,
    survivors,
    valkey,
)
from mainspring.local.child import Child
from mainspring.local.home import Home
from mainspring.local.migrate import upgrade
from mainspring.local.owner import ourselves, postgres_owner
from mainspring.local.records import ProcessRecord, StackState
from mainspring.local.service import Service
from mainspring.local.services import address, services
from mainspring.local.signals import Wakeups
from mainspring.local.steps import step
from mainspring.local.supervisor import StopRequested, Supervisor
from mainspring.settings import Settings


def up(
    settings: Settings,
    console: Console,
    *,
    programs: Sequence[Service] | None = None,
    starter: bool = True,
    first_requests: bool = False,
    with_mlflow: bool = False,
    story: Callable[[], object] | None = None,
) -> None:
    """Returns after an orderly stop. Raises StackError when it cannot start; nothing is left running then.

    With a `story` it is told on the ready stack, which then stops; else the stack stays up until told to stop.
    `programs` take the place of Mainspring's own processes: the tests of the stack bring small ones.
    """
    home = Home(settings.home)
    if with_mlflow:
        settings = mlflow.beside(settings)
    folders.prepare(home)
    with claim.claim(home) as ours, Wakeups() as wakeups:
        stack = Stack(settings, console, ours, wakeups, with_mlflow=with_mlflow)
        try:
            stack.heal()
            stack.check()
            stack.start_servers()
            stack.prepare_database()
            stack.start_services(services(settings) if programs is None else programs)
            if starter:
                stack.make_starter()
            if first_requests:
                stack.send_first_requests()
            if story is not None:
                stack.supervisor.beside(story)
            else:
                stack.greet()
                stack.supervisor.run()
        except StopRequested:
            console.print("Stopping; Ctrl-C again stops at once.")
        finally:
            stack.stop()


class Stack:
    """One run of the embedded stack."""

    def __init__(
        self,
        settings: Settings,
        console: Console,
        ours: ProcessRecord,
        wakeups: Wakeups,
        *,
        with_mlflow: bool = False,
    ) -> None:
        self.settings = settings
        self._with_mlflow = with_mlflow
        self.console = console
        self.home = Home(settings.home)
        self.phase = "starting"
        self._ours = ours
        self._started = time.monotonic()
        self.supervisor = Supervisor(wakeups, say=self._say, publish=self._publish)

    def heal(self) -> None:
        """A supervisor that was killed leaves processes, and PostgreSQL pid files, behind."""
        left = self.supervisor.beside(lambda: survivors.stop(self.home))
        if not self.settings.database_url and self.supervisor.beside(lambda: postmaster.heal(self.home)):
            left.append("postgres")
        if left:
            self._say(
                f"The last run was cut off; stopped what it left behind: {', '.join(sorted(set(left)))}."
            )

    def check(self) -> None:
        checks.disk(self.settings)
        checks.port(self.settings)
        checks.traces(self.settings)
        if self._with_mlflow:
            checks.mlflow_port(self.settings)

    def start_servers(self) -> None:
        """Those that the settings do not point elsewhere for."""
        embedded_postgres = not self.settings.database_url
        owner = postgres_owner() if embedded_postgres else ourselves()
        folders.prepare_sockets(self.home, owner)
        if not self.settings.redis_url:
            with step(self.console, "Valkey"):
                self.supervisor.start(valkey.service(self.home))
        if embedded_postgres:
            for folder in folders.prepare_for_postgres(self.home, owner, postgres.binaries()):
                self._say(f"The user `{owner.name}`, who runs PostgreSQL, may now pass through {folder}.")
            with step(self.console, "PostgreSQL"):
                self.supervisor.beside(lambda: postgres.initialise(self.home, owner))
                self.supervisor.start(postgres.service(self.home, owner))
                self.supervisor.beside(lambda: postgres.ensure_database(self.home))

    def prepare_database(self) -> None:
        with step(self.console, "Database schema"):
            self.supervisor.beside(lambda: upgrade(self.settings))
        if self.supervisor.beside(lambda: first_key.ensure(self.settings)):
            self._say(f"Made an API key: {self.home.key}")

    def start_services(self, programs: Sequence[Service]) -> None:
        """All at once, since each takes seconds to import; then wait for those that can be asked."""
        programs = [*programs, mlflow.service(self.settings)] if self._with_mlflow else programs
        names = ", ".join(program.name for program in programs)
        with step(self.console, f"Services: {names}" if names else "No services"):
            started = [self.supervisor.start(program, wait=False) for program in programs]
            for child in started:
                self.supervisor.until_usable(child)
        self.phase = "ready"
        self._publish(self.supervisor.children)

    def make_starter(self) -> None:
        module = import_module("mainspring.local.starter")
        self._unless_it_fails(lambda: module.ensure(self.settings, self.console))

    def send_first_requests(self) -> None:
        module = import_module("mainspring.local.first_requests")
        self._unless_it_fails(lambda: module.run(self.settings, self.console))

    def _unless_it_fails(self, work: Callable[[], object]) -> None:
        """The stack is worth having without its starter deployments: say what is wrong and stay up."""
        try:
            self.supervisor.beside(work)
        except MainspringError as error:
            self._say(f"{error.detail}\n{error.remedy or ''}".rstrip())

    def greet(self) -> None:
        """Where it is, and what to do first."""
        place, flag = address(self.settings), "mainspring"
        view = (
            f"  {self.settings.mlflow_url}  is MLflow's, a few seconds later\n" if self._with_mlflow else ""
        )
        self.console.print(
            f"\nMainspring is up at {place} after {time.monotonic() - self._started:.1f} s. Ctrl-C stops it.\n"
            f"  {flag} key          prints the API key: Authorization: Bearer <key>\n"
            f"  {flag} status       shows the services\n"
            f"  {flag} demo --short tells the road of one job\n"
            f"  {place}/docs        describes the API\n{view}",
            highlight=False,
        )

    def stop(self) -> None:
        self.phase = "stopping"
        self._publish(self.supervisor.children)
        self.supervisor.stop()
        self.home.processes.unlink(missing_ok=True)
        folders.remove_sockets(self.home)

    def _say(self, sentence: str) -> None:
        self.console.print(sentence, highlight=False, markup=False)

    def _publish(self, children: list[Child]) -> None:
        alive = [child.record for child in children if child.record is not None and child.due is None]
        records.write(self.home.processes, alive)
        state = StackState(
            phase=self.phase,
            address=address(self.settings),
            home=str(self.home.path),
            supervisor=self._ours,
            services=[child.state() for child in children],
        )
        records.write(self.home.state, state)
