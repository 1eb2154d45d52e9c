"""The command line. One file a group of verbs; an error of ours is two lines, without a traceback."""

import sys

import typer
from pydantic import ValidationError
from rich.console import Console

from mainspring.cli import jobs, rollouts, stack
from mainspring.cli.apply import apply
from mainspring.cli.audit import audit
from mainspring.cli.card import card
from mainspring.cli.clients import clients
from mainspring.cli.compare import compare
from mainspring.cli.demo import demo
from mainspring.cli.deploy import deploy
from mainspring.cli.migrate import migrate
from mainspring.cli.prompts import prompts
from mainspring.cli.retire import retire
from mainspring.cli.status import status
from mainspring.cli.talk import chat
from mainspring.cli.versions import versions
from mainspring.cli.watch import watch
from mainspring.cli.webhooks import webhooks
from mainspring.errors import MainspringError

app = typer.Typer(
    name="mainspring",
    help="Keeps the language model that you serve current.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
stack.register(app)
jobs.register(app)
rollouts.register(app)
for verb in (
    status,
    chat,
    watch,
    webhooks,
    deploy,
    apply,
    versions,
    card,
    clients,
    compare,
    prompts,
    retire,
    demo,
    migrate,
):
    app.command()(verb)
app.add_typer(audit, name="audit")


def main() -> None:
    """The entry of the `mainspring` command."""
    try:
        app()
    except MainspringError as error:
        _explain(f"{error.field}: {error.detail}" if error.field else error.detail, error.remedy)
    except ValidationError as error:  # only Settings are read from what a person typed
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        _explain(f"MAINSPRING_{name}: {first['msg']}", f"Correct MAINSPRING_{name} in the environment.")


def _explain(detail: str, remedy: str | None) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("[red]problem[/] ", end="")
    console.print(detail, markup=False)
    if remedy:
        console.print("[green]remedy[/]  ", end="")
        console.print(remedy, markup=False)
    sys.exit(1)
