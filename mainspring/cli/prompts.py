"""`mainspring prompts`: the stored sets of prompts of a deployment, and storing one."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mainspring.cli.prompt_file import read
from mainspring.cli.stack import AsJson
from mainspring.errors import InvalidRequest
from mainspring.local.doors import client


def prompts(
    name: Annotated[str, typer.Argument(help="The deployment.")],
    called: Annotated[str | None, typer.Argument(help="A set, to be shown or stored.")] = None,
    *,
    store: Annotated[
        Path | None,
        typer.Option(
            help="A file with a prompt a line: plain text, or JSON with input, parameters, expected.",
            exists=True,
        ),
    ] = None,
    ask: Annotated[
        list[str] | None, typer.Option(help="A version that shall answer the set, such as assistant@3.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List a deployment's sets of prompts, show or store one, or let versions answer it, for `compare` to show."""
    if called is None and (store is not None or ask):
        raise InvalidRequest(
            "which set?", field="called", remedy=f"Give it a name: mainspring prompts {name} NAME …"
        )
    base = f"/v1/deployments/{name}/prompts"
    with client() as api:
        if called is None:
            found = api.request("GET", base)
        elif store is not None:
            given = read(store, "store")
            with given.located():
                found = api.request("PUT", f"{base}/{called}", json={"prompts": given.prompts})
        elif not ask:
            found = api.request("GET", f"{base}/{called}")
        if ask:
            found = api.request("POST", f"{base}/{called}/trials", json={"versions": ask})
    if as_json:
        typer.echo(json.dumps(found))
        return
    console = Console(highlight=False, soft_wrap=True)
    for line in _lines(name, called, found):
        console.print(line, markup=False)


def _lines(name: str, called: str | None, found: dict[str, Any]) -> list[str]:
    if "sets" in found:
        told = [f"{one['name']}: {one['prompts']} prompts" for one in found["sets"]]
        return told or [
            f"{name} has no prompts yet. mainspring prompts {name} NAME --store FILE stores some."
        ]
    if "asked" in found:
        return [
            f"{version} is asked {count} of them; mainspring compare … --prompts {called} shows what was said."
            for version, count in found["asked"].items()
        ]
    if isinstance(found["prompts"], int):
        return [f"{found['name']} has {found['prompts']} prompts."]
    return [_prompt(one) for one in found["prompts"]]


def _prompt(one: dict[str, Any]) -> str:
    given = one["input"] if isinstance(one["input"], str) else json.dumps(one["input"], ensure_ascii=False)
    return given if one["expected"] is None else f"{given}  → {one['expected']}"
