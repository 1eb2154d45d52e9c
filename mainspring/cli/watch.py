"""`mainspring watch`: the latest jobs as they come, run and end."""

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.live import Live

from mainspring.cli.jobs import table
from mainspring.cli.stack import AsJson
from mainspring.client import Client, Refused
from mainspring.local.doors import client, unreachable
from mainspring.settings import Settings

WATCH_SECONDS = 1.0
SHOWN, FOLLOWED = 20, 200  # jobs


def watch(
    *,
    deployment: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """The latest jobs, live. Ctrl-C ends it. With --json a line for each job that is new or has changed.

    When the api goes away it says so on standard error, and goes on when it is back.
    """
    wanted = {"deployment": deployment} if deployment else {}
    with client() as api:
        try:
            if as_json:
                _follow(_pages(api, wanted | {"limit": FOLLOWED}))
            else:
                _show(_pages(api, wanted | {"limit": SHOWN}))
        except KeyboardInterrupt:
            return


def _show(pages: Iterator[list[dict[str, Any]]]) -> None:
    with Live(console=Console(), auto_refresh=False, screen=False) as live:
        for found in pages:
            live.update(table(found), refresh=True)


def _follow(pages: Iterator[list[dict[str, Any]]]) -> None:
    told: dict[str, tuple[str, int]] = {}
    for found in pages:
        now = {job["id"]: (job["state"], job["attempt"]) for job in found}
        for job in reversed(found):
            if told.get(job["id"]) != now[job["id"]]:
                typer.echo(json.dumps(job))
        told = now


def _pages(api: Client, asked: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """What the api lists, again and again. One that does not answer at the first look is an error, later it is not."""
    page = api.request("GET", "/v1/jobs", params=asked)
    away = False
    while True:
        yield page["jobs"]
        time.sleep(WATCH_SECONDS)
        try:
            page = api.request("GET", "/v1/jobs", params=asked)
        except (httpx.TransportError, Refused) as error:
            if isinstance(error, Refused) and error.status < 500:
                raise
            if not away:
                typer.echo(f"{_away(error)}; waiting for it", err=True)
            away = True
        else:
            away = False


def _away(error: httpx.TransportError | Refused) -> str:
    return error.detail if isinstance(error, Refused) else unreachable(Settings(), error).detail
