"""`mainspring status`: the services of this home, and what waits and runs in it."""

import json
from dataclasses import asdict
from datetime import datetime

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from mainspring.cli.stack import AsJson
from mainspring.endpoints import database_url
from mainspring.errors import StackError
from mainspring.local.records import StackState
from mainspring.serving.overview import Overview, overview
from mainspring.settings import Settings
from mainspring.tables import Database


def status(*, as_json: AsJson = False) -> None:
    """Show the services of this home, its deployments, queues, sessions and deliveries. Exit code 1 when nothing runs."""
    from mainspring.local import claim
    from mainspring.local.home import Home

    settings = Settings()
    home = Home(settings.home)
    state = claim.state(home)
    if state is None:
        if not as_json:
            raise StackError(f"nothing runs in {home.path}", remedy="Start it: mainspring up")
        typer.echo(json.dumps({"phase": "stopped", "home": str(home.path)}))
        raise typer.Exit(1)
    work = _work(settings)
    if as_json:
        typer.echo(json.dumps(asdict(state) | {"work": work}))
        return
    console = Console()
    console.print(_services(state))
    if work is None:
        console.print("The database does not answer: what waits is not known.", style="yellow")
    else:
        _tell(console, work)


def _work(settings: Settings) -> Overview | None:
    """None: the database does not answer, or not yet."""
    database = Database(database_url(settings), pool_size=1)
    try:
        with database.begin() as connection:
            return overview(connection)
    except SQLAlchemyError:
        return None
    finally:
        database.close()


def _services(state: StackState) -> Table:
    table = Table("service", "state", "pid", "since", "restarts", title=f"{state.phase} at {state.address}")
    table.add_column("address", overflow="fold")
    for one in state.services:
        pid = "" if one.pid is None else str(one.pid)
        since = datetime.fromisoformat(one.since).astimezone().strftime("%d %b %H:%M:%S")
        table.add_row(one.name, one.state, pid, since, str(one.restarts), one.address)
    return table


def _tell(console: Console, work: Overview) -> None:
    deployments = Table("deployment", "task", "production", "engine", "serving", box=None)
    for one in work["deployments"]:
        serving = ", ".join(one["serving"]) or "nobody"
        deployments.add_row(one["name"], one["task"], one["production"] or "none yet", one["engine"], serving)
    console.print(deployments)
    for one in work["deployments"]:
        if one["trouble"] is not None:
            said = f"{one['production']} is in production and cannot be held: {one['trouble']}"
            console.print(said, style="red", markup=False)
    queues = Table("queue", "priority", "queued", "in session", "running", "oldest", box=None)
    for queue in work["queues"]:
        oldest = "" if queue["oldest_seconds"] is None else f"{queue['oldest_seconds']:.1f} s"
        counts = (str(queue["queued"]), str(queue["in_session"]), str(queue["running"]))
        queues.add_row(queue["deployment"], queue["priority"], *counts, oldest)
    console.print(queues if work["queues"] else "No job waits or runs.")
    sessions, deliveries = work["sessions"], work["deliveries"]
    console.print(f"Sessions: {sessions['all']}, {sessions['active']} of them active.")
    console.print(
        f"Webhooks: {deliveries['waiting']} wait, {deliveries['ahead']} for jobs that have not ended, "
        f"{deliveries['delivered']} delivered, {deliveries['abandoned']} abandoned."
    )
