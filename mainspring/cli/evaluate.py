"""`mainspring evaluate`: a version measured beside another one, and what the gate says of it."""

import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.going import BADLY, error, follow, state, when
from mainspring.cli.judged import figures, findings
from mainspring.cli.stack import AsJson
from mainspring.client import Client
from mainspring.client.winding import POLL_SECONDS
from mainspring.local.doors import client

VERDICT_SECONDS = 30.0  # the gate looks every few


def evaluate(
    version: Annotated[
        str, typer.Argument(help="Such as assistant@4; a deployment's name lists what was measured.")
    ],
    *,
    beside: Annotated[
        str | None,
        typer.Option(help="Another version, such as assistant@2; without it the one in production."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until it is measured and judged.")] = True,
    as_json: AsJson = False,
) -> None:
    """Measure a version by the deployment's policy, each figure with its interval, and have the gate judge it.

    Nothing follows from that: mainspring rollout VERSION releases it. The exit code is 1 if it could not be measured.
    """
    with client() as api:
        if "@" not in version:
            _list(api, version, as_json=as_json)
            return
        found = api.evaluate(version, beside=beside)
        if wait:
            found = _judged(api, follow(api, "evaluations", found["id"]))
    if as_json:
        typer.echo(json.dumps(found))
    elif wait:
        _show(found)
    else:
        typer.echo(found["id"])
    if found["state"] in BADLY:
        raise typer.Exit(1)


def _judged(api: Client, found: dict[str, Any]) -> dict[str, Any]:
    """With its verdict, if that is there in time."""
    until = time.monotonic() + VERDICT_SECONDS
    while found["state"] == "succeeded" and found["verdict"] is None and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
        found = api.evaluation(found["id"])
    return found


def _show(found: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if found["state"] != "succeeded":
        console.print(f"evaluation {found['id']}  {state(found)}")
        for line in error(found):
            console.print(f"    {line}", markup=False)
        return
    console.print(figures(found["results"]))
    for note in found["results"]["notes"]:
        console.print(f"    {note}", markup=False)
    if found["verdict"] is None:
        console.print(f"The gate has yet to judge it: mainspring evaluate {found['deployment']} lists it.")
    else:
        findings(console, found["verdict"])


def _list(api: Client, name: str, *, as_json: bool) -> None:
    found = api.evaluations(name)
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not found:
        typer.echo(f"Nothing was measured of {name} yet. mainspring evaluate {name}@N measures a version.")
        return
    table = Table(box=None)
    table.add_column("evaluation", no_wrap=True, min_width=36)  # whole: it is what one copies
    for column in ("version", "beside", "state", "decision", "asked"):
        table.add_column(column, no_wrap=True)
    for one in found:
        decision = (one["decision"] or "-").replace("_", " ")
        table.add_row(
            one["id"], one["version"], one["beside"] or "-", state(one), decision, when(one["created_at"])
        )
    Console().print(table)
