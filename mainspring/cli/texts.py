"""`mainspring texts`: how much of what was asked and answered is kept, one job's of it, and a key to keep it under."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from mainspring.cli.stack import AsJson
from mainspring.errors import InvalidRequest
from mainspring.local.doors import client

LONGEST = 100  # characters of an excerpt, on each side


def texts(
    name: Annotated[str, typer.Argument(help="The deployment.")] = "",
    *,
    job: Annotated[str, typer.Option(help="Show what was asked and answered in this job.")] = "",
    reason: Annotated[str, typer.Option(help="Why it is read, for the log of events.")] = "mainspring texts",
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Print a new key for MAINSPRING_TEXT_KEYS instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show how many texts of a deployment are kept, until when, and what stands in the way; or read one."""
    if new_key:
        from mainspring.kept.keys import new_key as made

        typer.echo(made())
        return
    if not name:
        raise InvalidRequest(
            "it is not said of which deployment", field="name", remedy="Write: mainspring texts NAME"
        )
    with client() as api:
        path = f"/v1/deployments/{name}/texts"
        found = (
            api.request("GET", f"{path}/{job}", params={"reason": reason})
            if job
            else api.request("GET", path)
        )
    if as_json:
        typer.echo(json.dumps(found))
        return
    console = Console(highlight=False, soft_wrap=True)
    if job:
        _one(console, found)
    else:
        _state(console, found)


def excerpt(found: dict[str, Any]) -> str:
    """The beginning of what was asked, and of what was answered."""
    said = [_short(found["input"])]
    if found["output"] is not None:
        said.append(_short(found["output"]))
    return " → ".join(said)


def _short(given: Any) -> str:
    """Of a conversation what was said last; of an answer its text, or its label."""
    if isinstance(given, dict) and "messages" in given:
        given = given["messages"][-1]["content"]
    if isinstance(given, dict):
        given = given.get("text") or given.get("label") or given
    words = " ".join((given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)).split())
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"


def _one(console: Console, found: dict[str, Any]) -> None:
    console.print(f"[bold]{found['job']}[/]  {found['version']}, until {found['leaves_at'][:16]}")
    for side in ("input", "output"):
        said = found[side]
        shown = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, indent=2)
        console.print(f"{side}:", style="bold")
        console.print(shown, markup=False)


def _state(console: Console, found: dict[str, Any]) -> None:
    if found["share"] is None:
        console.print(f"[bold]{found['deployment']}[/]  its policy keeps no text")
        return
    of = f"{found['share']:.2%} of its jobs for {found['days']:g} days"
    since = "" if found["oldest"] is None else f", the oldest of {found['oldest'][:16]}"
    console.print(f"[bold]{found['deployment']}[/]  {found['kept']:,} kept, of {of}{since}")
    if found["waiting"]:
        told = "wait for a key: set MAINSPRING_TEXT_KEYS where the ops workers run"
        console.print(f"    {found['waiting']:,} {told}", style="red", markup=False)
    if found["locked"]:
        told = "are under a key that is not here: nobody can read them"
        console.print(f"    {found['locked']:,} {told}", style="red", markup=False)
    if found["older"] > found["locked"]:
        told = "are under an older key, until they are locked anew"
        console.print(f"    {found['older'] - found['locked']:,} {told}", markup=False)
