"""`mainspring retire`: take a deployment out of service, with a reason for the record."""

import json
from typing import Annotated

import typer
from rich.console import Console

from mainspring.cli.stack import AsJson
from mainspring.errors import InvalidRequest
from mainspring.local.doors import client


def retire(
    name: Annotated[str, typer.Argument(help="The deployment.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for the log of events.")] = "asked for",
    as_json: AsJson = False,
) -> None:
    """Take a deployment out of service: new jobs are refused, those it has are answered, its rows stay."""
    if "@" in name:
        raise InvalidRequest(
            "a version cannot be retired by itself",
            field="name",
            remedy=f"Name the deployment: mainspring retire {name.partition('@')[0]}.",
        )
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
