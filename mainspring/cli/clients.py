"""`mainspring clients`: who would notice that a version goes."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.stack import AsJson
from mainspring.local.doors import client


def clients(
    version: Annotated[str, typer.Argument(help="Such as assistant@3.")],
    *,
    as_json: AsJson = False,
) -> None:
    """List by tenant the open conversations of a version, and the jobs that named it: whom its end would concern."""
    with client() as api:
        found = api.request("GET", f"/v1/versions/{version}/clients")
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not found["clients"]:
        Console(highlight=False).print(f"Nobody needs {found['version']} (stage: {found['stage']}).")
        return
    table = Table(box=None, title=f"{found['version']}, {found['stage']}", title_justify="left")
    for name in ("tenant", "conversations", "jobs that named it", "last"):
        table.add_column(name, no_wrap=True)
    for one in found["clients"]:
        last = (one["last_at"] or "")[:19].replace("T", " ")
        table.add_row(one["tenant"], str(one["sessions"]), str(one["pinned"]), last)
    Console().print(table)
