"""Say what is being done: a spinner with seconds on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

SLOW = 2.0  # seconds: who reads plain lines hears of a step that takes longer before it has ended


@contextmanager
def step(console: Console, title: str) -> Iterator[None]:
    """One line when it is done, with its seconds. Nothing when it raises: the error speaks."""
    started = time.monotonic()
    with _spinner(console, title) if console.is_terminal else _notice(console, title):
        yield
    console.print(f"[green]ok[/]  {title} [dim]{time.monotonic() - started:.1f} s[/]", highlight=False)


@contextmanager
def _spinner(console: Console, title: str) -> Iterator[None]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(title, total=None)
        yield


@contextmanager
def _notice(console: Console, title: str) -> Iterator[None]:
    timer = threading.Timer(SLOW, console.print, [f"..  {title}"], {"highlight": False})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
