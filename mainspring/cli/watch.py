"""`mainspring watch`: the latest jobs as they come, run and end."""

import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from mainspring.cli.jobs import table
from mainspring.cli.stack import AsJson
from mainspring.client import Client
from mainspring.local.doors import client

WATCH_SECONDS = 1.0
SHOWN, FOLLOWED = 20, 200  # jobs


def watch(
    *,
    deployment: Annotated[str | None, typer.Option(help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """The latest jobs, live. Ctrl-C ends it. With --json a line for each job that is new or has changed."""
    wanted = {"deployment": deployment} if deployment else {}
    with client() as api:
        try:
            if as_json:
                _follow(api, wanted)
            else:
                _show(api, wanted)
        except KeyboardInterrupt:
            return


def _show(api: Client, wanted: dict[str, Any]) -> None:
    with Live(console=Console(), auto_refresh=False, screen=False) as live:
        while True:
            page = api.request("GET", "/v1/jobs", params=wanted | {"limit": SHOWN})
            live.update(table(page["jobs"]), refresh=True)
            time.sleep(WATCH_SECONDS)


def _follow(api: Client, wanted: dict[str, Any]) -> None:
    told: dict[str, tuple[str, int]] = {}
    while True:
        found = api.request("GET", "/v1/jobs", params=wanted | {"limit": FOLLOWED})["jobs"]
        now = {job["id"]: (job["state"], job["attempt"]) for job in found}
        for job in reversed(found):
            if told.get(job["id"]) != now[job["id"]]:
                typer.echo(json.dumps(job))
        told = now
        time.sleep(WATCH_SECONDS)
