"""`mainspring datasets`: what versions learn from: list, show, and make them of files or by a plan."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from mainspring.cli.going import BADLY, error, follow, how_far, ids, state, when
from mainspring.cli.stack import AsJson
from mainspring.client import Client
from mainspring.errors import InvalidRequest
from mainspring.local.doors import client

_JSONL = (".jsonl", ".ndjson")


class Listing(TyperGroup):
    """What begins with no verb lists: `mainspring datasets assistant`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


datasets = typer.Typer(cls=Listing, help="Datasets: list (`mainspring datasets [NAME]`), show, add.")


@datasets.command("list")
def list_datasets(
    name: Annotated[str | None, typer.Argument(help="The deployment; without it all of them.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List them newest first: how many examples each has, and which."""
    with client() as api:
        found = api.datasets(name)
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not found:
        typer.echo("There is no dataset yet. mainspring datasets add NAME FILE makes one.")
        return
    table = Table(box=None)
    table.add_column("dataset", no_wrap=True, min_width=36)  # whole: it is what one copies
    for column in ("deployment", "state", "to learn", "kept aside", "digest", "asked"):
        table.add_column(column, no_wrap=True)
    for one in found:
        rows = one["rows"] or {}
        counts = [f"{rows[split]:,}" if split in rows else "-" for split in ("train", "held_out")]
        digest = (one["digest"] or "-")[:12]
        table.add_row(one["id"], one["deployment"], state(one), *counts, digest, when(one["created_at"]))
    Console().print(table)


@datasets.command()
def show(
    dataset: Annotated[str, typer.Argument(metavar="ID", help="As the list has it.")],
    *,
    aside: Annotated[
        bool, typer.Option("--set-aside", help="Each row that is not in it: where it was, and why.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show its card: origins, licences, what was removed and why, examples; and what has come of it."""
    with client() as api:
        if aside:
            _show_aside(api, dataset, as_json=as_json)
            return
        found = api.dataset(dataset)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _show(found)


def _show_aside(api: Client, dataset: str, *, as_json: bool) -> None:
    """A line each, as many as there are."""
    first, total = 0, 1
    while first < total:
        page = api.set_aside(dataset, first=first)
        rows, total = page["rows"], page["total"]
        if not rows:
            break
        first += len(rows)
        for row in rows:
            typer.echo(json.dumps(row) if as_json else "  ".join(map(str, row.values())))
    if first == 0 and not as_json:
        typer.echo("No row was set aside.")


@datasets.command()
def add(
    name: Annotated[str, typer.Argument(help="The deployment that shall learn from it.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE…", help="JSONL, CSV, Parquet or text, a row or a text each."),
    ] = None,
    *,
    by_path: Annotated[
        bool,
        typer.Option("--by-path", help="Not sent: the train worker sees these files and folders itself."),
    ] = False,
    plan: Annotated[
        Path | None, typer.Option(help="A JSON file with more of the plan, such as held_out.", exists=True)
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Under which the rows may be used.")] = None,
    basis: Annotated[str | None, typer.Option(help="Why the rows may be learned from.")] = None,
    followed: Annotated[
        bool, typer.Option("--follow", help="Until it is made; exit code 1 if it is not.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a dataset of files: they are sent, or, with --by-path or a --plan, named for the train worker to read."""
    given = files or []
    said = {key: value for key, value in (("licence", licence), ("basis", basis)) if value is not None}
    with client() as api:
        if plan is not None or by_path:
            found = api.curate(name, _plan(plan, given, said))
        else:
            found = _sent(api, name, given, said)
        if followed:
            found = follow(api, "datasets", found["id"])
    if as_json:
        typer.echo(json.dumps(found))
    elif followed:
        _show(found)
    else:
        typer.echo(f"Dataset {found['id']} is {found['state']}: mainspring datasets show {found['id']}.")
    if followed and found["state"] in BADLY:
        raise typer.Exit(1)


def _plan(path: Path | None, files: list[Path], said: dict[str, str]) -> dict[str, Any]:
    try:
        found = {} if path is None else json.loads(path.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("uploads", []), list):
        raise InvalidRequest(f"{path} is no plan", field="plan", remedy='Write such as {"held_out": 0.2}.')
    named = [{"path": str(file.resolve()), **said} for file in files]
    return found | ({"uploads": [*found.get("uploads", []), *named]} if named else {})


def _sent(api: Client, name: str, files: list[Path], said: dict[str, str]) -> dict[str, Any]:
    """Several files are sent as one, where they are JSONL."""
    if not files:
        raise InvalidRequest(
            "there is nothing to make it of", field="files", remedy="Name a file, or a --plan."
        )
    for file in files:
        if not file.is_file():
            what = "a folder" if file.is_dir() else "no file"
            raise InvalidRequest(
                f"{file} is {what}",
                field="files",
                remedy="Folders are named for the train worker: --by-path.",
            )
    if len(files) == 1:
        return api.upload(name, files[0], **said)
    if any(file.suffix.lower() not in _JSONL for file in files):
        raise InvalidRequest(
            "of several files each has to be JSONL to be sent",
            field="files",
            remedy="Let the train worker read them where they are: --by-path.",
        )
    return api.upload(name, b"\n".join(file.read_bytes() for file in files), **said)


def _show(found: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{found['id']}[/]  {state(found)}  for {found['deployment']}")
    if found["state"] != "succeeded":
        console.print(f"    {how_far(found)}", markup=False)
        for line in error(found):
            console.print(f"    {line}", markup=False)
    else:
        rows = ", ".join(f"{split.replace('_', ' ')} {many:,}" for split, many in found["rows"].items())
        console.print(f"    {rows}; {found['bytes']:,} bytes; digest {found['digest']}", markup=False)
    for name, value in (found["card"] or {}).items():
        if name != "examples":
            console.print(f"    {name.replace('_', ' ')}: {_flat(value)}", markup=False)
    for example in (found["card"] or {}).get("examples", []):
        console.print(f"    e.g. {json.dumps(example, ensure_ascii=False)}", markup=False)
    console.print(f"    {ids(found['line'])}", markup=False)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(one)}" for name, one in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_flat, value)) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
