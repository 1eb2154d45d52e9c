"""Says what happens, in short sentences as it happens, and keeps the moments for the page. Waits with patience, not for ever."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from mainspring.client import Refused
from mainspring.errors import StackError
from mainspring.story.figures import Chapter, Moment

T = TypeVar("T")
LOOK = 0.5  # seconds between two looks
SERVERS_FAULT = 500
REPEAT = 10.0  # seconds: who reads plain lines is told so often how far it is


class Narrator:
    """`logs`: where to look when a chapter does not come to its end; `patience`: seconds for whatever is waited for."""

    def __init__(self, console: Console, logs: Path, patience: float) -> None:
        self.chapters: list[Chapter] = []
        self.moments: list[Moment] = []
        self._console, self._logs, self._patience = console, logs, patience
        self._began = self._told = time.monotonic()
        self._title, self._number = "", 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        self._title, self._number = title, self._number + 1
        began = self.seconds
        self._console.print(f"\n[bold]{self._number}. {title}[/]")
        yield
        self.chapters.append(Chapter(title, began, self.seconds))

    def say(self, sentence: str, *, keep: bool = True) -> None:
        """`keep`: a moment of the page's timeline."""
        self._told = time.monotonic()
        self._console.print(f"  [dim]{self.seconds:5.0f} s[/]  ", end="")
        self._console.print(sentence, markup=False)
        if keep:
            self.moments.append(Moment(round(self.seconds, 1), self._number, sentence))

    def until(self, what: str, look: Callable[[], T | None], far: Callable[[], str] = str) -> T:
        """What `look` gives, once that is not None. `far`: how far it is, in words. Raises StackError."""
        until = time.monotonic() + self._patience
        with self._console.status(f"  {what}") as status:
            while (found := _tolerant(look)) is None:
                if time.monotonic() > until:
                    raise self.stuck(f"{what} did not end in {self._patience:.0f} s")
                self._far(f"{what}: ", _tolerant(far), status)
                time.sleep(LOOK)
        return found

    def _far(self, what: str, said: str | None, status: Status) -> None:
        """On a terminal in place, elsewhere as a line now and then."""
        if said and self._console.is_terminal:
            status.update(f"  {what}{escape(said)}")
        elif said and time.monotonic() - self._told > REPEAT:
            self.say(what + said, keep=False)

    def stuck(self, why: str) -> StackError:
        """To be raised."""
        return StackError(
            f"chapter {self._number}, `{self._title}`, did not come to its end: {why}",
            remedy=f"Read the logs in {self._logs}; tell it again with more time: mainspring demo --patience 3600.",
        )


def _tolerant(look: Callable[[], T | None]) -> T | None:
    """None also when the api did not answer, or could not: on a machine that is busy it may be slow once."""
    try:
        return look()
    except httpx.TransportError:
        return None
    except Refused as refused:
        if refused.status < SERVERS_FAULT:
            raise
        return None
