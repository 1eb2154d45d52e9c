"""`mainspring watch`: deployments and the latest jobs, as they go."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeVar

import httpx
import typer
from rich.console import Console
from rich.live import Live

from mainspring.cli.live import Look, look, page
from mainspring.cli.stack import AsJson
from mainspring.client import Refused
from mainspring.local.doors import client, unreachable
from mainspring.settings import Settings

WATCH_SECONDS = 1.0
SHOWN, FOLLOWED = 12, 200  # jobs

T = TypeVar("T")


def watch(
    name: Annotated[str | None, typer.Argument(help="The deployment; without it all of them.")] = None,
    *,
    deployment: Annotated[str | None, typer.Option(help="The same, by name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show queues, pace, latency, drift, alarms and the latest jobs, live. Ctrl-C ends it.

    With --json a line for each job that is new or has changed. When the api goes away it says so on standard error, and
    goes on when it is back.
    """
    wanted = name or deployment
    listed = {"limit": FOLLOWED} | ({"deployment": wanted} if wanted else {})
    with client() as api:
        try:
            if as_json:
                _follow(_again(lambda: api.request("GET", "/v1/jobs", params=listed)["jobs"]))
            else:
                _show(_again(lambda: look(api, wanted, SHOWN)))
        except KeyboardInterrupt:
            return


def _show(looks: Iterator[Look]) -> None:
    with Live(console=Console(), auto_refresh=False, screen=False) as live:
        for seen in looks:
            live.update(page(seen), refresh=True)


def _follow(pages: Iterator[list[dict[str, Any]]]) -> None:
    told: dict[str, tuple[str, int]] = {}
    for found in pages:
        now = {job["id"]: (job["state"], job["attempt"]) for job in found}
        for job in reversed(found):
            if told.get(job["id"]) != now[job["id"]]:
                typer.echo(json.dumps(job))
        told = now


def _again(ask: Callable[[], T]) -> Iterator[T]:
    """What the api says, again and again. If it does not answer at the first look that is an error, later it is not."""
    answer, away = ask(), False
    while True:
        yield answer
        time.sleep(WATCH_SECONDS)
        try:
            answer, away = ask(), False
        except (httpx.TransportError, Refused) as error:
            if isinstance(error, Refused) and error.status < 500:
                raise
            if not away:
                typer.echo(f"{_away(error)}; waiting for it", err=True)
            away = True


def _away(error: httpx.TransportError | Refused) -> str:
    return error.detail if isinstance(error, Refused) else unreachable(Settings(), error).detail
