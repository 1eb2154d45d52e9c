"""`mainspring compare`: two versions of a deployment side by side."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.stack import AsJson
from mainspring.errors import InvalidRequest
from mainspring.local.doors import client
from mainspring.release.page import page

Label = Annotated[str, typer.Argument(help="Such as assistant@3.")]
_FACTS = ("stage", "architecture", "parameters", "context_length", "licence", "digest")


def compare(
    a: Label,
    b: Label,
    *,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what two versions are, and how they did with what they answered lately, with 95% intervals."""
    name = a.rpartition("@")[0]
    if not name or b.rpartition("@")[0] != name:
        raise InvalidRequest(
            "these are not two versions of one deployment",
            field="versions",
            remedy="Name both, such as assistant@3 assistant@4.",
        )
    with client() as api:
        found = api.request("GET", f"/v1/deployments/{name}/compare", params={"a": a, "b": b})
    if html is not None:
        html.write_text(page(found), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(found))
    if as_json or html is not None:
        return
    table = Table(box=None)
    table.add_column("")
    for column in (a, b):
        table.add_column(column, overflow="fold")
    table.add_column("")
    for fact in _FACTS:
        table.add_row(fact.replace("_", " "), _short(found["a"][fact]), _short(found["b"][fact]), "")
    for metric in found["metrics"]:
        table.add_row(metric["words"], _figure(metric["a"]), _figure(metric["b"]), _verdict(metric))
    Console().print(table)
    if not found["metrics"]:
        Console().print("Neither has answered yet.", style="yellow")


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)[:24]


def _figure(found: dict[str, Any] | None) -> str:
    if found is None:
        return "too few"
    return f"{found['value']:.4g} ({found['low']:.4g} to {found['high']:.4g}), of {found['count']}"


def _verdict(metric: dict[str, Any]) -> str:
    colours = {"better": "green", "worse": "red", None: "none"}
    said = metric["b_is"]
    return f"[{colours[said]}]{said or ''}[/]"
