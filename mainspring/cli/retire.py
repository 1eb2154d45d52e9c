"""`mainspring retire`: take a deployment, or one version of it, out of service, with a reason for the record."""

import json
from typing import Annotated

import typer
from rich.console import Console

from mainspring.cli.stack import AsJson
from mainspring.local.doors import client


def retire(
    name: Annotated[str, typer.Argument(help="The deployment, or a version such as assistant@3.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for the log of events.")] = "asked for",
    as_json: AsJson = False,
) -> None:
    """Take a deployment out of service: new jobs are refused, those it has are answered, its rows stay.

    A version that is leaving is retired at once: its conversations go on with the one in production.
    """
    if "@" in name:
        _version(name, reason, as_json=as_json)
        return
    with client() as api:
        done = api.request("DELETE", f"/v1/deployments/{name}", params={"reason": reason})
    if as_json:
        typer.echo(json.dumps(done))
    else:
        left = done["open_jobs"]
        Console(highlight=False).print(
            f"{name} is retired; {f'{left} jobs are still answered' if left else 'no job waits'}. "
            f"Deploy a model under this name, and it is back."
        )


def _version(label: str, reason: str, *, as_json: bool) -> None:
    with client() as api:
        done = api.request("POST", f"/v1/versions/{label}/retire", json={"reason": reason})
    if as_json:
        typer.echo(json.dumps(done))
    else:
        moved = f"{done['sessions']} conversations and {done['jobs']} jobs that waited go on elsewhere"
        went = f"; {moved}" if done["sessions"] or done["jobs"] else ""
        Console(highlight=False).print(f"{done['version']} is {done['stage']}{went}.")
