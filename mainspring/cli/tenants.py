"""`mainspring tenants`: who shares the installation, with what weight and bounds."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.stack import AsJson
from mainspring.local.doors import client

_COLUMNS = ("weight", "queue_bound", "running_bound", "per_minute")

tenants = typer.Typer(
    help="Tenants with their weights and bounds, for the operator of the installation.", no_args_is_help=True
)


@tenants.command("list")
def list_tenants(*, as_json: AsJson = False) -> None:
    """List them by name."""
    with client() as api:
        found = api.request("GET", "/v1/tenants")["tenants"]
    if as_json:
        typer.echo(json.dumps(found))
    else:
        Console().print(_table(found))


@tenants.command("set")
def bound(
    name: Annotated[str, typer.Argument(help="The tenant; it is made if it is new.")],
    *,
    weight: Annotated[
        float | None, typer.Option(help="Its share of a busy version; 1 is everybody's at first.")
    ] = None,
    queue_bound: Annotated[
        int | None, typer.Option(min=0, help="How many of its jobs may wait; 0: any.")
    ] = None,
    running_bound: Annotated[
        int | None, typer.Option(min=0, help="How many may run at once; 0: any.")
    ] = None,
    per_minute: Annotated[
        int | None, typer.Option(min=0, help="How many are accepted in a minute; 0: any.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set a tenant's weight and bounds. What is not named stays."""
    with client() as api:
        there = api.request("GET", "/v1/tenants")["tenants"]
        before: dict[str, Any] = next((one for one in there if one["name"] == name), {})
        body: dict[str, Any] = {column: before[column] for column in _COLUMNS if column in before}
        for column, given in zip(_COLUMNS, (weight, queue_bound, running_bound, per_minute), strict=True):
            if given is not None:
                body[column] = given if given or column == "weight" else None
        found = api.request("PUT", f"/v1/tenants/{quote(name, safe='')}", json=body)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        Console().print(_table([found]))


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table(box=None)
    for name in ("tenant", "weight", "may wait", "may run", "a minute"):
        table.add_column(name, overflow="fold")
    for one in found:
        bounds = ("any" if one[column] is None else f"{one[column]:,}" for column in _COLUMNS[1:])
        table.add_row(one["name"], f"{one['weight']:g}", *bounds)
    return table
