"""Sleep until a signal, another thread or a time limit wakes the main thread: no polling."""

import os
import selectors
import signal
import socket
from types import FrameType, TracebackType
from typing import Any, Self

STOP = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


class Wakeups:
    """Takes over SIGINT, SIGTERM, SIGHUP and SIGCHLD while it is entered. Main thread only, but for `nudge`."""

    def __init__(self) -> None:
        self._out, self._in = socket.socketpair()
        self._out.setblocking(False)
        self._in.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._before: dict[int, Any] = {}
        self._stops = 0

    def __enter__(self) -> Self:
        # The C handler writes the number into the pipe only while a Python handler is installed too.
        for number in (*STOP, signal.SIGCHLD):
            self._before[number] = signal.signal(number, _nothing)
        self._fd_before = signal.set_wakeup_fd(self._in.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._selector.close()
        self._out.close()
        self._in.close()

    def wait(self, seconds: float | None) -> None:
        """Until something happens; None waits for ever."""
        if self._selector.select(None if seconds is None else max(0.0, seconds)):
            for number in self._out.recv(4096):
                self._stops += number in STOP

    def nudge(self) -> None:
        """From another thread: look again."""
        if self._in.fileno() != -1:
            os.write(self._in.fileno(), b"\0")

    @property
    def stops(self) -> int:
        """How often a stop was asked for so far."""
        return self._stops


def _nothing(number: int, frame: FrameType | None) -> None:
    """The pipe has it."""
