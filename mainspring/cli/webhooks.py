"""`mainspring webhooks`: what was told to your receivers, and the secret that they verify it with."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.stack import AsJson
from mainspring.client import Client
from mainspring.local.doors import client
from mainspring.terms import DeliveryState

LONGEST_PAGE = 200


def webhooks(
    *,
    state: Annotated[DeliveryState | None, typer.Option(help="Only in this state.")] = None,
    job: Annotated[str | None, typer.Option(help="Only of this job.")] = None,
    most: Annotated[int, typer.Option("--limit", help="How many.", min=1, max=10_000)] = 20,
    secret: Annotated[bool, typer.Option("--secret", help="Print your tenant's secret instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first; or print the secret, for the `standardwebhooks` packages."""
    if secret:
        with client() as api:
            found = api.request("GET", "/v1/webhooks/secret")
        typer.echo(json.dumps(found) if as_json else found["secret"])
        return
    wanted = {"state": None if state is None else state.value, "job": job}
    with client() as api:
        deliveries = _deliveries(api, {name: value for name, value in wanted.items() if value}, most)
    if as_json:
        typer.echo(json.dumps(deliveries))
    else:
        Console().print(_table(deliveries))


def _deliveries(api: Client, wanted: dict[str, str], most: int) -> list[dict[str, Any]]:
    """As many pages as it takes."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None and len(found) < most:
        asked = {**wanted, "cursor": cursor, "limit": min(most - len(found), LONGEST_PAGE)}
        page = api.request("GET", "/v1/webhooks/deliveries", params=asked)
        found += page["deliveries"]
        cursor = page["next_cursor"]
    return found


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table(box=None)
    table.add_column("job", no_wrap=True, min_width=36)
    for name in ("state", "tries", "last", "next"):
        table.add_column(name, no_wrap=True)
    table.add_column("url", overflow="fold")
    for one in found:
        last = one["tries"][-1] if one["tries"] else {}
        said = str(last.get("status") or last.get("problem") or "")
        table.add_row(
            one["job"], one["state"], str(len(one["tries"])), said, (one["next_at"] or "")[11:19], one["url"]
        )
    return table
