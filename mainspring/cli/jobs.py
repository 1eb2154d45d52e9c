"""A producer's verbs: `submit` and `jobs`."""

import json
import sys
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.stack import AsJson
from mainspring.client import Client
from mainspring.errors import InvalidRequest, Unreachable
from mainspring.local.doors import client, unreachable
from mainspring.local.first_requests import as_text
from mainspring.settings import Settings
from mainspring.terms import JobState, Priority

COLOURS = {"succeeded": "green", "failed": "red", "running": "cyan", "queued": "yellow"}
Parameters = Annotated[
    list[str] | None,
    typer.Option("--set", help="A parameter, such as --set max_tokens=40; repeat it for more."),
]


def submit(
    deployment: Annotated[str, typer.Argument(help="Who shall answer.")],
    text: Annotated[str, typer.Argument(help="The input: text, JSON, or - for standard input.")],
    *,
    parameters: Parameters = None,
    priority: Annotated[Priority, typer.Option(help="Its share of a busy version.")] = Priority.NORMAL,
    deadline: Annotated[float | None, typer.Option(help="Seconds after which nobody wants it.")] = None,
    session: Annotated[str | None, typer.Option(help="The conversation that it belongs to.")] = None,
    subject: Annotated[str | None, typer.Option(help="Whom it is about.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(help="Yours, such as --metadata page=7; repeat it for more.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Sent again with the same key, it is the same job.")
    ] = None,
    webhook: Annotated[
        str | None, typer.Option(help="A URL that is told of its end; `webhooks --secret` verifies it.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the answer, or print the receipt and leave.")] = True,
    as_json: AsJson = False,
) -> None:
    """Enqueue one job and print its answer."""
    given = _input(sys.stdin.read() if text == "-" else text)
    more = parsed(parameters) | {
        "priority": priority.value,
        "deadline_seconds": deadline,
        "session": session,
        "subject": subject,
        "metadata": dict(_pair(one, "--metadata") for one in metadata or []),
        "webhook": webhook,
    }
    with client() as api:
        job = api.submit(deployment, given, idempotency_key=idempotency_key, **more)
        if wait:
            with Console(stderr=True).status(f"waiting for {deployment}", spinner="dots"):
                job = _result(api, job["id"])
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
    version: Annotated[
        str | None, typer.Option(help="Only what this version answers, such as assistant@3.")
    ] = None,
    most: Annotated[int, typer.Option("--limit", help="How many.", min=1, max=10_000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    wanted: dict[str, Any] = {
        "deployment": deployment,
        "session": session,
        "version": version,
        "limit": min(most, 200),
    }
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
        Console().print(table(found))


def _result(api: Client, job_id: str) -> dict[str, Any]:
    """However long it takes. Raises Unreachable when the api goes away meanwhile."""
    try:
        return api.result(job_id, timeout=float("inf"))
    except httpx.TransportError as error:
        raise Unreachable(
            unreachable(Settings(), error).detail,
            remedy=f"Job {job_id} is stored and answered all the same; mainspring jobs lists it.",
        ) from error


def _input(text: str) -> Any:
    """JSON objects and lists as what they are; anything else is text."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def parsed(given: list[str] | None, option: str = "--set") -> dict[str, Any]:
    """What the option was given: JSON where it is JSON. Raises InvalidRequest."""
    found: dict[str, Any] = {}
    for one in given or []:
        name, value = _pair(one, option)
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _pair(given: str, option: str) -> tuple[str, str]:
    """Of name=value. Raises InvalidRequest."""
    name, equals, value = given.partition("=")
    if not equals:
        example = {"--set": "max_tokens=40", "--metadata": "page=7", "--parameter": "steps=200"}[option]
        raise InvalidRequest(
            f"`{given}` is not name=value", field=option, remedy=f"Write {option} {example}."
        )
    return name, value


def _show(job: dict[str, Any]) -> None:
    if job["state"] != JobState.SUCCEEDED:
        error = job.get("error") or {}
        typer.echo(f"{job['state']}: {error.get('detail', '')} {error.get('remedy', '')}".strip(), err=True)
        return
    typer.echo(as_text(job["output"]))
    typer.echo(f"{job['version']} · {seconds(job)}", err=True)


def seconds(job: dict[str, Any]) -> str:
    total = (job.get("timings") or {}).get("total")
    return "" if total is None else f"{total:.2f} s"


def table(found: list[dict[str, Any]]) -> Table:
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
            seconds(job),
            job["session"] or "",
        )
    return table
