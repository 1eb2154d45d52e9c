"""`mainspring audit`: whether the log of events is whole, and what it says."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.stack import AsJson
from mainspring.errors import InvalidRequest
from mainspring.local.doors import client

audit = typer.Typer(
    help="The log of events: look at it, and verify that nobody has changed it.", no_args_is_help=True
)


@audit.command()
def verify(
    *,
    expect: Annotated[
        str | None, typer.Option(help="A head that was noted earlier: it must still be in the log.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute every hash anew. Exit status 1 if an event was edited, removed, swapped or inserted."""
    with client() as api:
        found = api.request("GET", "/v1/audit/verify")
        lost = expect is not None and not _contains(api, expect)
    if as_json:
        typer.echo(json.dumps(found | ({} if expect is None else {"expected_found": not lost})))
    else:
        _tell(found, lost=lost)
    if lost or not found["whole"]:
        sys.exit(1)


@audit.command()
def events(
    *,
    about: Annotated[str | None, typer.Option(help="Of one version, deployment, job or key.")] = None,
    kind: Annotated[str | None, typer.Option(help="Such as version.advanced.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: AsJson = False,
) -> None:
    """The latest events, newest first."""
    asked = {"about": about, "kind": kind, "limit": limit}
    with client() as api:
        found = api.request(
            "GET", "/v1/events", params={name: value for name, value in asked.items() if value is not None}
        )["events"]
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table(box=None)
    for name in ("#", "at", "event", "about", "by"):
        table.add_column(name, no_wrap=True)
    table.add_column("why", overflow="fold")
    for one in found:
        table.add_row(
            str(one["position"]), one["at"][:19], one["kind"], one["about"], one["actor"], one["reason"]
        )
    Console().print(table)


def _contains(api: Any, expected: str) -> bool:
    if len(expected) != 64 or any(digit not in "0123456789abcdef" for digit in expected):
        raise InvalidRequest(
            "this is not the head of a log", field="expect", remedy="Give the 64 digits that verify printed."
        )
    cursor: int | None = None
    while True:
        params = {"limit": 1000} | ({} if cursor is None else {"cursor": cursor})
        page = api.request("GET", "/v1/events", params=params)
        if any(one["hash"] == expected for one in page["events"]):
            return True
        cursor = page["cursor"]
        if cursor is None:
            return False


def _tell(found: dict[str, Any], *, lost: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if found["whole"]:
        console.print(f"{found['events']} events, each follows the one before it.")
    for one in found["findings"]:
        other = f" with event {one['other']}" if one["other"] else ""
        console.print(f"[red]event {one['position']}[/] was {one['trouble']}{other}")
    if lost:
        console.print(
            "[red]the head that was noted is no longer in the log[/]: all up to it was written anew"
        )
    console.print(f"head {found['head']}")
