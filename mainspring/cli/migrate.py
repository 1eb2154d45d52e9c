"""`mainspring migrate`: bring the schema to this release; `up` does it by itself."""

import json
from typing import Annotated

import typer

from mainspring.cli.stack import AsJson
from mainspring.settings import Settings


def migrate(
    *,
    with_key: Annotated[
        bool,
        typer.Option(
            "--first-key", help="Make the first API key too, unless there is one: `mainspring key`."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Migrate the database that the settings name. Safe to run twice at once."""
    from mainspring.local import first_key
    from mainspring.local.migrate import current, upgrade

    settings = Settings()
    before = current(settings)
    upgrade(settings)
    if with_key:
        settings.home.mkdir(parents=True, exist_ok=True)
        first_key.ensure(settings)
    if as_json:
        typer.echo(json.dumps({"from": before, "to": current(settings)}))
