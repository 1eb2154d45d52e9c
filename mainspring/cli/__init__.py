"""The command line. One file a group of verbs; failing.py says how each of them fails.

Only the file of the verb that was typed is read: what others need is a second to import.
"""

import sys
from importlib import import_module

import typer

from mainspring.cli.failing import explained

# In the order in which they are listed; a file has one verb, or more, or a group of them.
_FILES = {
    "stack": ("up", "down", "key", "doctor"),
    "jobs": ("submit", "jobs"),
    "rollouts": ("rollout", "rollouts", "promote", "rollback", "pause", "resume", "abort"),
    "status": ("status",),
    "talk": ("chat",),
    "watch": ("watch",),
    "webhooks": ("webhooks",),
    "deploy": ("deploy",),
    "apply": ("apply",),
    "package": ("package",),
    "ci": ("ci",),
    "versions": ("versions",),
    "card": ("card",),
    "clients": ("clients",),
    "compare": ("compare",),
    "prompts": ("prompts",),
    "retire": ("retire",),
    "drift": ("drift",),
    "train": ("train",),
    "refresh": ("refresh",),
    "evaluate": ("evaluate",),
    "datasets": ("datasets",),
    "texts": ("texts",),
    "demo": ("demo",),
    "migrate": ("migrate",),
    "audit": ("audit",),
    "keys": ("keys",),
    "tenants": ("tenants",),
}


def app(typed: list[str]) -> typer.Typer:
    """With the verb that was typed, or with all of them: for their list, or to say that there is none of that name."""
    made = typer.Typer(
        name="mainspring",
        help="Keeps the language model that you serve current.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    made.callback()(lambda: None)  # a group, also with one verb
    known = {verb: file for file, verbs in _FILES.items() for verb in verbs}
    verbs = typed[:1] if typed and typed[0] in known else list(known)
    for verb in verbs:
        found = getattr(import_module(f"mainspring.cli.{known[verb]}"), verb)
        if isinstance(found, typer.Typer):
            made.add_typer(found, name=verb)
        else:
            made.command()(found)
    return made


def main() -> None:
    """The entry of the `mainspring` command."""
    with explained():
        app(sys.argv[1:])()
