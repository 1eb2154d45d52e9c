"""`mainspring drift`: has what a deployment is asked moved away from what was normal, and what follows from it."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.prompt_file import read
from mainspring.cli.stack import AsJson
from mainspring.cli.texts import excerpt
from mainspring.client import Client
from mainspring.errors import InvalidRequest
from mainspring.local.doors import client

_STYLES = {"stable": "green", "watch": "yellow", "retrain": "red"}


def drift(
    name: Annotated[str, typer.Argument(help="The deployment.")],
    *,
    new_reference: Annotated[
        str, typer.Option(metavar="REASON", help="Say that its latest requests are normal, and why.")
    ] = "",
    reference: Annotated[
        str,
        typer.Option(
            metavar="FILE|SET",
            help="Say that what these prompts ask is normal: a prompt a line, or a stored set.",
        ),
    ] = "",
    retrain: Annotated[str, typer.Option(metavar="REASON", help="Ask for a better version, and why.")] = "",
    texts: Annotated[
        bool, typer.Option("--texts", help="Show what was asked in the examples, where it is kept.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show how its traffic has moved: the decision, the detectors beside their thresholds, the alarms with examples."""
    with client() as api:
        if reference:
            _ask(api, name, reference, new_reference or f"the prompts of {Path(reference).name}")
        elif new_reference:
            api.new_reference(name, new_reference)
        if retrain:
            api.retrain(name, retrain)
        found = api.drift(name, texts="mainspring drift --texts" if texts else None)
    if as_json:
        typer.echo(json.dumps(found))
        return
    console = Console(highlight=False, soft_wrap=True)
    _decision(console, found)
    for version in found["versions"]:
        alarmed = any(alarm["version"] == version["version"] for alarm in found["alarms"])
        _version(console, version, alarmed=alarmed)
    for alarm in found["alarms"]:
        _alarm(console, alarm)


def _ask(api: Client, name: str, given: str, reason: str) -> None:
    """A file, if there is one of that name."""
    path = Path(given)
    if not path.is_file():
        if path.suffix or len(path.parts) > 1:
            raise InvalidRequest(
                f"there is no file {given}", field="reference", remedy="Name a file, or a stored set."
            )
        api.new_reference(name, reason, prompts=given)
        return
    found = read(path, "reference")
    with found.located():
        api.new_reference(name, reason, prompts=found.prompts)


def _decision(console: Console, found: dict[str, Any]) -> None:
    state = found["state"]
    if state is None:
        console.print(f"[bold]{found['deployment']}[/]  nothing was decided yet")
        return
    console.print(
        f"[bold]{found['deployment']}[/]  [{_STYLES[state]}]{state}[/] since {_when(found['since'])}"
    )
    for reason in found["reasons"]:
        console.print(f"    {reason}", markup=False)
    wish = found["retraining"]
    if wish is not None:
        console.print(f"    retraining {wish['state']}, asked for by {wish['asked_by']}", markup=False)


def _version(console: Console, version: dict[str, Any], *, alarmed: bool) -> None:
    normal = version["reference"]
    if normal is None:
        told = f"has no reference yet: {version['gathered']:,} of {version['wanted']:,} answers are there"
        console.print(f"[bold]{version['version']}[/]  {told}")
        _making(console, version["making"])
        return
    made = f"{normal['reason']}, {_when(normal['made_at'])}"
    since = " since its last alarm" if alarmed else ""
    console.print(
        f"[bold]{version['version']}[/]  {version['watched']:,} requests watched{since}; normal is: {made}"
    )
    _making(console, version["making"])
    _origins(console, version)
    table = Table("detector", "evidence", "alarm at", "", box=None, padding=(0, 2))
    for one in [each for each in version["readings"] if each["measure"] == "evidence"]:
        table.add_row(
            f"{one['detector']} {one['segment']}", f"{one['value']:.2f}", f"{one['threshold']:.2f}", _bar(one)
        )
    if version["readings"]:
        console.print(table)
    _classical(console, [one for one in version["readings"] if one["measure"] != "evidence"])


def _making(console: Console, asked: dict[str, Any] | None) -> None:
    if asked is None or asked["state"] == "made":
        return
    told = f"{asked['read']:,} of {asked['wanted']:,} are read"
    if asked["state"] == "failed":
        told = f"it failed: {asked['error']['detail']} {asked['error']['remedy']}"
    console.print(
        f"    a reference of the prompts {asked['prompts']} is {asked['state']}; {told}", markup=False
    )


def _origins(console: Console, version: dict[str, Any]) -> None:
    """Of a reference that is not of traffic alone."""
    normal = version["reference"]
    features: dict[str, list[str]] = {}
    for feature, origin in normal["origins"].items():
        features.setdefault(origin, []).append(feature)
    for origin, those in sorted(features.items()):
        console.print(f"    of {origin}: {', '.join(those)}", markup=False)
    if normal["awaits_traffic"]:
        told = f"{version['gathered']:,} of {version['wanted']:,} are there"
        console.print(f"    the rest follows from the first answers: {told}", markup=False)


def _classical(console: Console, readings: list[dict[str, Any]]) -> None:
    """For people: how far the latest requests are from the reference."""
    if not readings:
        return
    table = Table("reading", "of", "value", "chance", box=None, padding=(0, 2))
    for one in sorted(readings, key=lambda each: (each["detector"], each["measure"])):
        chance = one["details"].get("chance")
        table.add_row(
            one["measure"], one["detector"], f"{one['value']:.3f}", "" if chance is None else f"{chance:.3f}"
        )
    console.print(table)


def _alarm(console: Console, alarm: dict[str, Any]) -> None:
    state = "open" if alarm["ended_at"] is None else f"over since {_when(alarm['ended_at'])}"
    console.print(
        f"[bold red]alarm[/] {_when(alarm['at'])}  {alarm['version']}  {alarm['kind']} drift by"
        f" {alarm['detector']}{' of ' if alarm['segment'] else ''}{alarm['segment']},"
        f" after {alarm['requests']:,} requests; {state}"
    )
    if alarm["since"]:
        share = "" if alarm["share"] is None else f", {alarm['share']:.0%} of the traffic"
        console.print(f"    since {_when(alarm['since'])}{share}")
    if alarm["terms"]:
        near = f"; nearest to {', '.join(alarm['near'][:4])}" if alarm["near"] else ""
        console.print(f"    new: {', '.join(alarm['terms'])}{near}", markup=False)
    if alarm["examples"]:
        _examples(console, alarm)


def _examples(console: Console, alarm: dict[str, Any]) -> None:
    """Their ids; of those whose text was asked for, an excerpt of it."""
    hidden = alarm["kept"] and not alarm["texts"]
    told = f" (--texts: what was asked in {alarm['kept']} of them)" if hidden else ""
    console.print(f"    such as {', '.join(alarm['examples'][:3])}{told}", markup=False)
    for one in alarm["texts"]:
        console.print(f"    {one['job']}  {one['trouble'] or excerpt(one)}", markup=False)


def _bar(one: dict[str, Any]) -> str:
    full = max(0.0, min(1.0, float(one["value"]) / float(one["threshold"])))
    return "█" * round(20 * full)


def _when(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%d %b %H:%M:%S")
