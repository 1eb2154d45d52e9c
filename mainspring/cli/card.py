"""`mainspring card`: a version's model card."""

import json
from typing import Annotated

import typer

from mainspring.cli.stack import AsJson
from mainspring.local.doors import client
from mainspring.release.card import as_markdown


def card(
    version: Annotated[str, typer.Argument(help="Such as assistant@3.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Print a version's model card: what it is, how it was made, what it has been, what it answered."""
    with client() as api:
        found = api.request("GET", f"/v1/versions/{version}")
    typer.echo(json.dumps(found) if as_json else as_markdown(found), nl=as_json)
