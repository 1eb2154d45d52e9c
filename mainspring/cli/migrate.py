"""`mainspring migrate`: bring the schema to this release; `up` does it by itself."""

import json

import typer

from mainspring.cli.stack import AsJson
from mainspring.settings import Settings


def migrate(*, as_json: AsJson = False) -> None:
    """Migrate the database that the settings name. Safe to run twice at once."""
    from mainspring.local.migrate import current, upgrade

    settings = Settings()
    before = current(settings)
    upgrade(settings)
    if as_json:
        typer.echo(json.dumps({"from": before, "to": current(settings)}))
