"""`mainspring keys`: the API keys of a tenant: make, list, rotate, revoke."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.stack import AsJson
from mainspring.local.doors import client
from mainspring.terms import JOBS

Tenant = Annotated[
    str | None, typer.Option(help="Another tenant than the key's own, for the operator of the installation.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="As `mainspring keys list` shows it.")]

keys = typer.Typer(
    help="API keys: make, list, rotate, revoke. An `admin` key governs its tenant's, the operator's all.",
    no_args_is_help=True,
)


@keys.command("list")
def list_keys(*, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """List them newest first, also those that are over, without their secrets."""
    with client() as api:
        asked = {} if tenant is None else {"tenant": tenant}
        found = api.request("GET", "/v1/keys", params=asked)["keys"]
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table(box=None)
    table.add_column("id", no_wrap=True, min_width=36)  # whole: it is what one copies
    for name in ("begins with", "name", "scopes", "made", "state"):
        table.add_column(name, overflow="fold")
    for one in found:
        begins, made = f"ms_{one['prefix']}_", one["created_at"][:10]
        table.add_row(one["id"], begins, one["name"], ", ".join(one["scopes"]), made, _state(one))
    Console().print(table)


@keys.command()
def make(
    name: Annotated[str, typer.Argument(help="What it is for, such as `billing service`.")],
    *,
    tenant: Tenant = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="jobs (the default), admin, or metrics; repeat it for several.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, this once. A tenant that is new is made with it."""
    body: dict[str, Any] = {"name": name, "scopes": scope or [JOBS]}
    with client() as api:
        made = api.request("POST", "/v1/keys", json=body | ({} if tenant is None else {"tenant": tenant}))
    typer.echo(json.dumps(made) if as_json else made["key"])


@keys.command()
def rotate(
    key_id: Id,
    *,
    overlap: Annotated[int, typer.Option(min=0, help="Seconds for which the old one still works.")] = 86400,
    as_json: AsJson = False,
) -> None:
    """Make a key in the place of one that works, and print it, this once."""
    with client() as api:
        made = api.request("POST", f"{_path(key_id)}/rotate", json={"overlap_seconds": overlap})
    typer.echo(json.dumps(made) if as_json else made["key"])


@keys.command()
def revoke(key_id: Id, *, as_json: AsJson = False) -> None:
    """Let a key work no more, from the next request on."""
    with client() as api:
        api.request("DELETE", _path(key_id))
    typer.echo(json.dumps({"id": key_id, "revoked": True}) if as_json else f"{key_id} works no more.")


def _path(key_id: str) -> str:
    return f"/v1/keys/{quote(key_id, safe='')}"


def _state(one: dict[str, Any]) -> str:
    if one["revoked_at"] is not None:
        return f"revoked {one['revoked_at'][:19]}"
    return "works" if one["expires_at"] is None else f"until {one['expires_at'][:19]}"
