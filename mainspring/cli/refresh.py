"""`mainspring refresh`: the road to a better version of a deployment, and the word that it may wait for."""

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.going import BADLY, error, follow, how_far, ids, state, when
from mainspring.cli.judged import findings
from mainspring.cli.stack import AsJson
from mainspring.client import Client
from mainspring.errors import InvalidRequest, NotFound
from mainspring.local.doors import client

SHOWN = 10
_DONE = {"approve": "is released", "refuse": "is refused", "cancel": "is cancelled"}


def refresh(
    name: Annotated[str, typer.Argument(help="The deployment.")],
    *,
    approve: Annotated[
        bool, typer.Option("--approve", help="Release the version that waits for it.")
    ] = False,
    refuse: Annotated[
        bool, typer.Option("--refuse", help="Reject the version that waits for a word.")
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop the one that goes on.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the log of events.")] = "asked for",
    followed: Annotated[
        bool, typer.Option("--follow", help="Show the one that goes on until it ends.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List a deployment's refreshes and show the latest in full: its turns, its verdict, what it has made.

    `mainspring train` asks for one. With --follow the exit code is 1 when no version came of it.
    """
    words = {"approve": approve, "refuse": refuse, "cancel": cancel}
    said = [word for word, given in words.items() if given]
    if len(said) > 1:
        raise InvalidRequest(
            f"it cannot both {said[0]} and {said[1]}", field=said[1], remedy="Give one of the two."
        )
    with client() as api:
        found = api.refreshes(name)
        if said:
            _act(api, _open(name, found), said[0], reason, as_json=as_json)
            return
        if followed:
            one = follow(api, "refreshes", _open(name, found), (lambda _: None) if as_json else told())
            ended(one, as_json=as_json)
            return
        latest = api.refreshed(found[0]["id"]) if found else None
    if as_json:
        typer.echo(json.dumps({"refreshes": found, "latest": latest}))
    elif latest is None:
        _say(f"{name} has had no refresh. mainspring train {name} asks for one.")
    else:
        _table(found)
        _full(latest)


def told() -> Callable[[dict[str, Any]], None]:
    """Prints each turn of a refresh once, as it is taken."""
    heard = 0

    def hear(found: dict[str, Any]) -> None:
        nonlocal heard
        for turn in found["history"][heard:]:
            _turn(turn)
        heard = len(found["history"])

    return hear


def ended(found: dict[str, Any], *, as_json: bool) -> None:
    """What a refresh that was followed has become. Raises Exit with 1 if no version came of it."""
    if as_json:
        typer.echo(json.dumps(found))
    elif found["state"] == "waiting":
        _say(
            f"{found['version']} waits for a word: mainspring refresh {found['deployment']} --approve or --refuse."
        )
    else:
        for line in error(found):
            _plain(f"    {line}")
    if found["state"] in BADLY:
        raise typer.Exit(1)


def _act(api: Client, refresh_id: str, word: str, reason: str, *, as_json: bool) -> None:
    act = {"approve": api.approve, "refuse": api.refuse, "cancel": api.stop_refresh}[word]
    done = act(refresh_id, reason)
    if as_json:
        typer.echo(json.dumps(done))
        return
    what = done["version"] or f"The refresh of {done['deployment']}"
    again = done["state"] == "evaluating"  # another version has become the champion meanwhile
    _say(f"{what} is measured again, {done['reason']}." if again else f"{what} {_DONE[word]}.")


def _open(name: str, found: list[dict[str, Any]]) -> str:
    for one in found:
        if one["ended_at"] is None:
            return str(one["id"])
    raise NotFound(
        f"no refresh of {name} goes on", field="name", remedy=f"mainspring train {name} asks for one."
    )


def _table(found: list[dict[str, Any]]) -> None:
    table = Table("began", "trigger", "from", "to", "state", box=None)
    table.add_column("why", overflow="fold")
    for one in found[:SHOWN]:
        trigger, version = one["trigger"], one["version"] or "-"
        table.add_row(
            when(one["began_at"]), trigger, one["champion"], version, state(one), _escaped(one["reason"])
        )
    Console().print(table)
    if len(found) > SHOWN:
        _say(f"and {len(found) - SHOWN} before; --json shows them.")


def _full(one: dict[str, Any]) -> None:
    _say(f"\n[bold]{one['id']}[/]  {state(one)}")
    for reason in one["asked"]:
        _plain(f"    asked for, since {reason}")
    for turn in one["history"]:
        _turn(turn)
    if one["work"] is not None:
        _plain(f"    {how_far(one['work'])}")
    if one["not_before"] is not None:
        _plain(f"    tried again at {when(one['not_before'])}")
    for line in error(one):
        _plain(f"    {line}")
    if one["judged"] is not None:
        findings(Console(highlight=False, soft_wrap=True), one["judged"])
    _plain(f"    {ids(one['line'])}")
    if one["state"] == "waiting":
        _say(f"It waits for a word: mainspring refresh {one['deployment']} --approve or --refuse.")


def _turn(turn: dict[str, Any]) -> None:
    what = turn["kind"].partition(".")[2].replace("_", " ")
    _plain(f"    {when(turn['at'])}  {what:<11} {turn['reason']}")


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


def _plain(line: str) -> None:
    Console(highlight=False, soft_wrap=True).print(line, markup=False)


def _say(sentence: str) -> None:
    Console(highlight=False, soft_wrap=True).print(sentence)
