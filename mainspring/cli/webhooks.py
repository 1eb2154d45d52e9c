"""`mainspring webhooks`: what was told to your receivers, and the secret that they verify it with."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.stack import AsJson
from mainspring.local.doors import client


def webhooks(
    *,
    secret: Annotated[bool, typer.Option("--secret", help="Print your tenant's secret instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the latest deliveries, newest first; or print the secret, for the `standardwebhooks` packages."""
    with client() as api:
        found = api.request("GET", "/v1/webhooks/secret" if secret else "/v1/webhooks/deliveries")
    if as_json:
        typer.echo(json.dumps(found if secret else found["deliveries"]))
    elif secret:
        typer.echo(found["secret"])
    else:
        Console().print(_table(found["deliveries"]))


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
