"""`mainspring apply`: make the deployments as a file says, or show what that would change."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mainspring.cli.stack import AsJson
from mainspring.declaring.applying import Applying
from mainspring.declaring.lines import Document
from mainspring.declaring.reading import read
from mainspring.local.doors import client


def apply(
    file: Annotated[
        Path, typer.Argument(help="A file of YAML: deployments, their policies, models, weights.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the deployments as a file says. Done twice, the second time changes nothing."""
    document = Document(file)
    wanted = read(document)
    console = Console(highlight=False, soft_wrap=True)
    told: list[dict[str, str]] = []
    notes: list[str] = []
    with client() as api:
        for name in wanted:
            applying = Applying(api, document, wanted, name, dry_run=dry_run)
            for change in applying.changes():
                told.append({"deployment": name, "verb": change.verb, "said": change.said})
                if not as_json:
                    console.print(change.said, markup=False)
            notes += [] if applying.note is None else [applying.note]
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, "changes": told, "notes": notes}))
        return
    if not told:
        console.print("Everything is as the file says.")
    for note in notes:
        console.print(note, markup=False)
    if told and dry_run:
        console.print("[dim]Nothing was changed.[/]")
