"""`mainspring versions`: the versions of a deployment, and how each runs on the machines that loaded it."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from mainspring.cli.stack import AsJson
from mainspring.local.doors import client
from mainspring.release.lineage import in_words


def versions(
    name: Annotated[str, typer.Argument(help="The deployment.")],
    *,
    as_json: AsJson = False,
) -> None:
    """List a deployment's versions, newest first: whence each comes, and the engine that was measured to be fastest."""
    with client() as api:
        found = api.request("GET", f"/v1/deployments/{name}/versions")["versions"]
    if as_json:
        typer.echo(json.dumps(found))
        return
    console = Console(highlight=False, soft_wrap=True)
    if not found:
        console.print(
            f"{name} has no version yet. mainspring deploy {name} --model MODEL --task TASK makes one."
        )
    for version in found:
        model = f"{version['architecture']}, {version['parameters']:,} parameters"
        gone = ", its files deleted" if version["deleted_at"] else ""
        console.print(f"[bold]{version['version']}[/]  {version['stage']}{gone}  {model}")
        if version["stage"] == "rejected":
            console.print(f"    {version['reason']}", markup=False)
        ways = [f"{name} {way}" for name, way in in_words(version).items() if way != "-"]
        if ways:
            console.print(f"    {'; '.join(ways)}", markup=False)
        for plan in version["plans"]:
            console.print(f"    {_engine(plan)}", _speeds(plan), sep="")
            console.print(f"    [dim]on {plan['machine']}[/]")


def _engine(plan: dict[str, Any]) -> str:
    threads = f"{plan['threads']} thread{'s' if plan['threads'] > 1 else ''}"
    return f"{engine(plan)}: {plan['slots']} at once, {threads}, {plan['dtype']}"


def engine(plan: dict[str, Any]) -> str:
    """Which one, and where it is not the one that was asked for, why."""
    if plan["asked"] == plan["engine"]:
        return f"{plan['engine']} as asked"
    instead = "" if plan["asked"] == "auto" else f" instead of {plan['asked']}"
    since = f", since {plan['reason']}" if plan.get("reason") else ""
    return f"{plan['engine']}{instead}{since}"


def _speeds(plan: dict[str, Any]) -> str:
    """Of each engine that was tried, the best that it did, and with how many at once."""
    best: dict[str, dict[str, Any]] = {}
    for one in plan["tried"]:
        known = best.setdefault(one["engine"], one)
        if one["tokens_per_second"] > known["tokens_per_second"]:
            best[one["engine"]] = one
    said = [
        f"{name} {one['tokens_per_second']:,.0f} tokens/s with {one['slots']} at once"
        for name, one in sorted(best.items(), key=lambda item: item[0] != plan["engine"])
    ]
    return f"; measured: {', '.join(said)}" if said else ""
