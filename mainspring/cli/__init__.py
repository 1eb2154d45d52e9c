"""The command line. One file a group of verbs; failing.py says how each of them fails."""

import typer

from mainspring.cli import jobs, rollouts, stack
from mainspring.cli.apply import apply
from mainspring.cli.audit import audit
from mainspring.cli.card import card
from mainspring.cli.clients import clients
from mainspring.cli.compare import compare
from mainspring.cli.demo import demo
from mainspring.cli.deploy import deploy
from mainspring.cli.failing import explained
from mainspring.cli.keys import keys
from mainspring.cli.migrate import migrate
from mainspring.cli.prompts import prompts
from mainspring.cli.retire import retire
from mainspring.cli.status import status
from mainspring.cli.talk import chat
from mainspring.cli.tenants import tenants
from mainspring.cli.versions import versions
from mainspring.cli.watch import watch
from mainspring.cli.webhooks import webhooks

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
for group, name in ((audit, "audit"), (keys, "keys"), (tenants, "tenants")):
    app.add_typer(group, name=name)


def main() -> None:
    """The entry of the `mainspring` command."""
    with explained():
        app()
