"""The one parent of all: starts services, restarts what dies, stops them in order. It knows no service by name."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from mainspring.errors import StackError
from mainspring.local.child import Child
from mainspring.local.service import Service, last_lines
from mainspring.local.signals import Wakeups

T = TypeVar("T")
LOOK_AGAIN = 0.05  # seconds between looks at whether a server answers: nobody tells us


class StopRequested(Exception):
    """Leave what you are doing; the stack is to be stopped."""


class Supervisor:
    """`say` tells a person; `publish` is told after every change. All methods: main thread only."""

    def __init__(
        self, wakeups: Wakeups, *, say: Callable[[str], None], publish: Callable[[list[Child]], None]
    ) -> None:
        self.children: list[Child] = []
        self._wakeups = wakeups
        self._say = say
        self._publish = publish

    def start(self, service: Service, *, wait: bool = True) -> Child:
        """Returns when it can be used, or at once without `wait`. Raises StackError when it cannot be started."""
        try:
            child = Child(service)
        except OSError as error:
            raise StackError(
                f"{service.name} cannot be started: {error}", remedy="Run `mainspring doctor`."
            ) from error
        self.children.append(child)
        self._publish(self.children)
        if wait:
            self.until_usable(child)
        return child

    def until_usable(self, child: Child, *, patience: float = 60.0) -> None:
        """Raises StackError, with the end of its log, when it dies before or takes longer than `patience` seconds."""
        deadline = time.monotonic() + patience
        while child.service.ready is not None and not child.service.ready():
            died = not child.running
            if died or time.monotonic() > deadline:
                how = (
                    f"ended at its start ({child.ended()})" if died else f"was not ready in {patience:.0f} s"
                )
                raise StackError(
                    f"{child.service.name} {how}. The end of its log:\n{last_lines(child.service.log)}",
                    remedy=f"Read {child.service.log}, then run `mainspring doctor`.",
                )
            self.step(LOOK_AGAIN, spare=child)
        child.usable = True
        self._publish(self.children)

    def step(self, seconds: float | None, *, spare: Child | None = None) -> None:
        """Sleep until something happens or the seconds pass, then restart what died, but not `spare`."""
        dues = [child.due for child in self.children if child.due is not None]
        if dues:
            next_due = max(0.0, min(dues) - time.monotonic())
            seconds = next_due if seconds is None else min(seconds, next_due)
        self._wakeups.wait(seconds)
        if self._wakeups.stops:
            raise StopRequested
        for child in self.children:
            if child is spare:
                continue
            if child.due is None and not child.running:
                self._bury(child)
            elif child.due is not None and child.due <= time.monotonic():
                self._relaunch(child)

    def _bury(self, child: Child) -> None:
        child.sweep_group()
        how, delay = child.ended(), child.postpone()
        self._publish(self.children)
        self._say(
            f"{child.service.name} died ({how}); it starts again in {delay:.1f} s. Log: {child.service.log}"
        )

    def _relaunch(self, child: Child) -> None:
        try:
            child.launch()
            said = f"{child.service.name} runs again (pid {child.process.pid})"
        except OSError as error:  # no memory, no process slots: that may pass
            said = (
                f"{child.service.name} cannot be started ({error}); trying again in {child.postpone():.1f} s"
            )
        self._publish(self.children)
        self._say(said)

    def run(self) -> None:
        """Until StopRequested."""
        while True:
            self.step(None)

    def beside(self, work: Callable[[], T]) -> T:
        """Do long work in a thread while this one goes on supervising. Returns or raises what the work does."""
        outcome: _Outcome[T] = _Outcome()

        def body() -> None:
            with outcome:
                outcome.value = work()
            self._wakeups.nudge()

        # A daemon: on Ctrl-C nobody waits for an answer that will not come.
        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        while thread.is_alive() and not outcome.done.is_set():
            self.step(None)
        return outcome.get()

    def stop(self) -> None:
        """In order of rank, politely first. A further stop signal kills what is left at once."""
        polite = self._wakeups.stops
        ranks = sorted({child.service.stop_rank for child in self.children})
        for rank in ranks:
            group = [child for child in self.children if child.service.stop_rank == rank]
            for child in group:
                child.due = None
                child.signal(child.service.stop_signal)
            self._await_end(group, max(child.service.stop_seconds for child in group), until_stops=polite)
            for child in group:
                self._make_sure(child)
            self._publish(self.children)

    def _await_end(self, group: list[Child], seconds: float, *, until_stops: int) -> None:
        deadline = time.monotonic() + seconds
        while any(child.running for child in group) and self._wakeups.stops <= until_stops:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._wakeups.wait(left)

    def _make_sure(self, child: Child) -> None:
        if child.running:
            self._say(f"{child.service.name} is made to stop")
            child.signal(child.service.kill_signal)
            self._await_end([child], 5.0, until_stops=2**31)
        child.sweep_group()
        child.process.wait()


class _Outcome(Generic[T]):
    """Carries what a thread returned or raised, whatever it was, to the thread that waits for it."""

    value: T

    def __init__(self) -> None:
        self.done = threading.Event()
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._error = error
        self.done.set()
        return True  # not swallowed: get() raises it

    def get(self) -> T:
        if self._error is not None:
            raise self._error
        return self.value
