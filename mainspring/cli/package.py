"""`mainspring package`: a version with all that it needs, as the context of an image."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mainspring.cli.stack import AsJson
from mainspring.errors import InvalidRequest
from mainspring.local.doors import client
from mainspring.packing.pack import pack
from mainspring.settings import Settings


def package(
    version: Annotated[str, typer.Argument(help="Such as assistant@3.")],
    *,
    into: Annotated[Path, typer.Option(help="A folder that is empty or not there yet.")],
    wheels: Annotated[
        Path | None,
        typer.Option(
            help="A folder of wheels, filled by pip where some are missing, that are packed, too: the image is then built without a network."
        ),
    ] = None,
    image: Annotated[
        str, typer.Option(help="What the image begins from; else Python's own of the version that runs here.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write a version's model, program, pinned dependencies, policy and environment as one build context."""
    if not version.rpartition("@")[0]:
        raise InvalidRequest(
            "this names no version",
            field="version",
            remedy="Name it as assistant@3; mainspring versions lists them.",
        )
    console = Console(highlight=False, soft_wrap=True)
    with client() as api, Console(stderr=True).status(f"packing {version}"):
        done = pack(api, Settings(), version, into.absolute(), begins=image, cache=wheels)
    if as_json:
        typer.echo(json.dumps(asdict(done) | {"folder": str(done.folder)}))
        return
    console.print(f"{done.version} is packed: {done.files} files, {done.bytes / 1e6:,.0f} MB.", markup=False)
    console.print(
        f"docker build {done.folder}    or, where all is installed: sh {done.folder / 'start.sh'}",
        markup=False,
    )
