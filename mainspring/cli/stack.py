"""The embedded stack: `up`, `down`, `key`, `doctor`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mainspring.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def up(
    *,
    starter: Annotated[
        bool, typer.Option("--starter/--no-starter", help="Make the starter deployments.")
    ] = True,
    first_requests: Annotated[
        bool, typer.Option("--try", help="Send the first requests and print the answers.")
    ] = False,
    mlflow: Annotated[
        bool, typer.Option("--mlflow", help="Start MLflow beside it, which shows versions, runs and figures.")
    ] = False,
    package: Annotated[
        Path | None, typer.Option(help="Serve what `mainspring package` has packed, and nothing else.")
    ] = None,
) -> None:
    """Start everything and stay: Valkey, PostgreSQL, api, workers and beat. Ctrl-C stops it all."""
    from mainspring.local.up import up as run

    if package is not None:
        from mainspring.packing.entry import start

        start(package.resolve(), Settings(), Console(soft_wrap=True))
        return
    run(
        Settings(),
        Console(soft_wrap=True),
        starter=starter,
        first_requests=first_requests,
        with_mlflow=mlflow,
    )


def down(*, as_json: AsJson = False) -> None:
    """Stop the stack of this home and wait until it is gone."""
    from mainspring.local.down import down as stop

    settings = Settings()
    console = Console(soft_wrap=True, highlight=False, quiet=as_json)
    with console.status("finishing what runs"):
        stopped = stop(settings)
    if as_json:
        typer.echo(json.dumps({"stopped": stopped, "home": str(settings.home)}))
        return
    console.print("Stopped." if stopped else f"Nothing runs in {settings.home}.")


def key(*, as_json: AsJson = False) -> None:
    """Print the API key that the first start made."""
    from mainspring.local import own_key

    found = own_key.read(Settings())
    typer.echo(json.dumps({"key": found}) if as_json else found)


def doctor(*, as_json: AsJson = False) -> None:
    """Look for what could be wrong, with the remedy. Exit code 1 when something is."""
    from mainspring.local.doctor import examine

    findings = []
    console = Console(soft_wrap=True, highlight=False)
    for finding in examine(Settings()):
        findings.append(asdict(finding))
        if not as_json:
            colour = {"ok": "green", "note": "yellow", "problem": "red"}[finding.verdict]
            console.print(f"[{colour}]{finding.verdict:<8}[/]{finding.about}: ", end="")
            console.print(finding.detail, markup=False)
            if finding.remedy:
                console.print(f"        remedy: {finding.remedy}", markup=False)
    if as_json:
        typer.echo(json.dumps(findings))
    if any(finding["verdict"] == "problem" for finding in findings):
        raise typer.Exit(1)
