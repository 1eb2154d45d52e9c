"""`mainspring chat`: a conversation, for people or, line by line, for programs."""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from mainspring.cli.jobs import Parameters, parsed, seconds
from mainspring.cli.stack import AsJson
from mainspring.client import Client
from mainspring.errors import Unreachable
from mainspring.identifiers import uuid7
from mainspring.local.doors import client, where
from mainspring.settings import Settings


def chat(
    deployment: Annotated[str, typer.Argument(help="With whom.")] = "assistant",
    *,
    session: Annotated[str | None, typer.Option(help="Go on with this conversation.")] = None,
    parameters: Parameters = None,
    as_json: AsJson = False,
) -> None:
    """Talk, with the answer appearing as it is made. An empty line or Ctrl-D ends it.

    With --json each line of standard input is said, and each event is a line: session, state, token, done.
    """
    session = session or f"chat-{str(uuid7())[-12:]}"
    asked = parsed(parameters) | {"session": session}
    with client() as api:
        if as_json:
            _tell("session", {"session": session, "deployment": deployment})
            for line in _lines():
                for event in _answer(api, deployment, line, asked):
                    _tell(event["event"], event["data"])
        else:
            _talk(api, deployment, asked)


def _talk(api: Client, deployment: str, asked: dict[str, Any]) -> None:
    console = Console(highlight=False)
    console.print(f"Session {asked['session']} with {deployment}; an empty line ends it.", style="dim")
    while line := _ask(console):
        done: dict[str, Any] = {}
        for event in _answer(api, deployment, line, asked):
            if event["event"] == "token":
                console.print(event["data"]["text"], end="", markup=False, soft_wrap=True)
            elif event["event"] == "done":
                done = event["data"]
        console.print()
        if done.get("error"):
            console.print(f"{done['state']}: {done['error'].get('detail')}", style="red", markup=False)
        else:
            console.print(f"{done.get('version', '')} · {seconds(done)}", style="dim")


def _answer(api: Client, deployment: str, line: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Up to `done`. Raises Unreachable when the api goes away before that; the job goes on all the same."""
    job = api.submit(deployment, line, **asked)["id"]
    with suppress(httpx.TransportError):
        for event in api.stream(job):
            yield event
            if event["event"] == "done":
                return
    raise Unreachable(
        f"the api at {where(Settings())} went away before the answer was whole",
        remedy=f"It is made all the same: mainspring jobs --session {asked['session']} shows its job, and "
        f"mainspring chat {deployment} --session {asked['session']} goes on with the conversation.",
    )


def _ask(console: Console) -> str:
    try:
        return console.input("[bold cyan]you[/] ").strip()
    except EOFError:
        return ""


def _lines() -> Iterator[str]:
    """Until an empty one."""
    for line in sys.stdin:
        if not line.strip():
            return
        yield line.strip()


def _tell(event: str, data: Any) -> None:
    typer.echo(json.dumps({"event": event, "data": data}))
