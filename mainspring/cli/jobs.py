"""A producer's verbs: `submit`, `jobs`, `chat`, `watch`."""

import json
import sys
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from mainspring.cli.stack import AsJson
from mainspring.errors import InvalidRequest
from mainspring.identifiers import uuid7
from mainspring.local.doors import client
from mainspring.local.first_requests import as_text
from mainspring.tables import JobState, Priority

WATCH_SECONDS = 1.0
COLOURS = {"succeeded": "green", "failed": "red", "running": "cyan", "queued": "yellow"}
Parameters = Annotated[
    list[str] | None,
    typer.Option("--set", help="A parameter, such as --set max_tokens=40; repeat it for more."),
]


def register(app: typer.Typer) -> None:
    for verb in (submit, jobs, chat, watch):
        app.command()(verb)


def submit(
    deployment: Annotated[str, typer.Argument(help="Who shall answer.")],
    text: Annotated[str, typer.Argument(help="The input: text, JSON, or - for standard input.")],
    *,
    parameters: Parameters = None,
    priority: Annotated[Priority, typer.Option(help="Its share of a busy version.")] = Priority.NORMAL,
    deadline: Annotated[float | None, typer.Option(help="Seconds after which nobody wants it.")] = None,
    session: Annotated[str | None, typer.Option(help="The conversation that it belongs to.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the answer, or print the receipt and leave.")] = True,
    as_json: AsJson = False,
) -> None:
    """Enqueue one job and print its answer."""
    given = _input(sys.stdin.read() if text == "-" else text)
    more = _parameters(parameters) | {
        "priority": priority.value,
        "deadline_seconds": deadline,
        "session": session,
    }
    with client() as api:
        job = api.submit(deployment, given, **more)
        if wait:
            with Console(stderr=True).status(f"waiting for {deployment}", spinner="dots"):
                job = api.result(job["id"], timeout=float("inf"))
    if as_json:
        typer.echo(json.dumps(job))
    elif not wait:
        typer.echo(job["id"])
    else:
        _show(job)
    if wait and job["state"] != JobState.SUCCEEDED:
        raise typer.Exit(1)


def jobs(
    *,
    deployment: Annotated[str | None, typer.Option(help="Only of this deployment.")] = None,
    state: Annotated[JobState | None, typer.Option(help="Only in this state.")] = None,
    session: Annotated[str | None, typer.Option(help="Only of this conversation.")] = None,
    most: Annotated[int, typer.Option("--limit", help="How many.", min=1, max=10_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    wanted: dict[str, Any] = {"deployment": deployment, "session": session, "limit": min(most, 200)}
    wanted["state"] = None if state is None else state.value
    found: list[dict[str, Any]] = []
    with client() as api:
        for job in api.jobs(**{name: value for name, value in wanted.items() if value is not None}):
            found.append(job)
            if len(found) == most:
                break
    if as_json:
        typer.echo(json.dumps(found))
    else:
        Console().print(_table(found))


def chat(
    deployment: Annotated[str, typer.Argument(help="With whom.")] = "assistant",
    *,
    session: Annotated[str | None, typer.Option(help="Go on with this conversation.")] = None,
    parameters: Parameters = None,
) -> None:
    """Talk, with the answer appearing as it is made. An empty line or Ctrl-D ends it."""
    console = Console(highlight=False)
    session = session or f"chat-{str(uuid7())[-12:]}"
    console.print(f"Session {session} with {deployment}; an empty line ends it.", style="dim")
    with client() as api:
        while line := _ask(console):
            job = api.submit(deployment, line, session=session, **_parameters(parameters))
            done: dict[str, Any] = {}
            for event in api.stream(job["id"]):
                if event["event"] == "token":
                    console.print(event["data"]["text"], end="", markup=False, soft_wrap=True)
                elif event["event"] == "done":
                    done = event["data"]
            console.print()
            if done.get("error"):
                console.print(f"{done['state']}: {done['error'].get('detail')}", style="red", markup=False)
            else:
                console.print(f"{done.get('version', '')} · {_seconds(done)}", style="dim")


def watch(*, deployment: Annotated[str | None, typer.Option(help="Only this one.")] = None) -> None:
    """The latest jobs, live. Ctrl-C ends it."""
    wanted = {"limit": 20} | ({"deployment": deployment} if deployment else {})
    with client() as api, Live(console=Console(), auto_refresh=False, screen=False) as live:
        try:
            while True:
                page = api.request("GET", "/v1/jobs", params=wanted)
                live.update(_table(page["jobs"]), refresh=True)
                time.sleep(WATCH_SECONDS)
        except KeyboardInterrupt:
            return


def _ask(console: Console) -> str:
    try:
        return console.input("[bold cyan]you[/] ").strip()
    except EOFError:
        return ""


def _input(text: str) -> Any:
    """JSON objects and lists as what they are; anything else is text."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _parameters(given: list[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in given or []:
        name, equals, value = one.partition("=")
        if not equals:
            raise InvalidRequest(
                f"`{one}` is not name=value", field="--set", remedy="Write --set max_tokens=40."
            )
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _show(job: dict[str, Any]) -> None:
    if job["state"] != JobState.SUCCEEDED:
        error = job.get("error") or {}
        typer.echo(f"{job['state']}: {error.get('detail', '')} {error.get('remedy', '')}".strip(), err=True)
        return
    typer.echo(as_text(job["output"]))
    typer.echo(f"{job['version']} · {_seconds(job)}", err=True)


def _seconds(job: dict[str, Any]) -> str:
    total = (job.get("timings") or {}).get("total")
    return "" if total is None else f"{total:.2f} s"


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table(box=None)
    table.add_column("job", no_wrap=True, min_width=36)  # whole: it is what one copies
    for name in ("version", "state", "priority", "created", "seconds", "session"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for job in found:
        colour = COLOURS.get(job["state"], "white")
        table.add_row(
            job["id"],
            job["version"],
            f"[{colour}]{job['state']}[/]",
            job["priority"],
            job["created_at"][11:19],
            _seconds(job),
            job["session"] or "",
        )
    return table
