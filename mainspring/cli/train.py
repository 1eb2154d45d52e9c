"""`mainspring train`: a better version, by a recipe or as the policy says."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from mainspring.cli.going import BADLY, error, follow, how_far, state
from mainspring.cli.jobs import parsed
from mainspring.cli.refresh import ended, told
from mainspring.cli.stack import AsJson
from mainspring.client import Client
from mainspring.errors import InvalidRequest
from mainspring.local.doors import client


def train(
    name: Annotated[str, typer.Argument(help="The deployment.")],
    *,
    recipe: Annotated[
        str | None, typer.Option(help="Such as continued-pretraining; without it, as the policy says.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="Of the recipe, such as --parameter steps=200; repeat it for more."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="ID", help="What it learns from: see mainspring datasets.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the log of events.")] = "asked for",
    followed: Annotated[
        bool,
        typer.Option("--follow", help="Show step, loss, tokens/s and the time that remains, until it ends."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a better version: curated, trained, evaluated, judged and released by the policy; or by one recipe alone.

    With --follow the exit code is 1 when no version came of it.
    """
    if recipe is None and (parameter or dataset):
        raise InvalidRequest(
            "parameters and a dataset are a recipe's",
            field="recipe",
            remedy="Name it: --recipe continued-pretraining. Without one the policy says all of that.",
        )
    with client() as api:
        if recipe is None:
            _refreshed(api, name, reason, followed=followed, as_json=as_json)
        else:
            parameters = parsed(parameter, "--parameter")
            run = api.train(name, recipe, dataset_id=dataset, **parameters)
            _run(api, run, followed=followed, as_json=as_json)


def _refreshed(api: Client, name: str, reason: str, *, followed: bool, as_json: bool) -> None:
    refresh = api.refresh(name, reason)
    if followed:
        refresh = follow(api, "refreshes", refresh["id"], (lambda _: None) if as_json else told())
        ended(refresh, as_json=as_json)
    elif as_json:
        typer.echo(json.dumps(refresh))
    else:
        _say(f"A better version of {name} is on its way: mainspring refresh {name} shows how far it is.")


def _run(api: Client, run: dict[str, Any], *, followed: bool, as_json: bool) -> None:
    if followed:
        run = follow(api, "training-runs", run["id"])
    if as_json:
        typer.echo(json.dumps(run))
    elif run["state"] == "succeeded":
        _say(f"{run['version']} is made. mainspring evaluate {run['version']} measures it.")
        for name, rungs in run["measures"].get("candidates", {}).items():
            chosen = " (chosen)" if run["measures"].get("chosen") == name else ""
            _say(f"    {name}{chosen}: {_tried(rungs)}")
    else:
        _say(f"training run {run['id']}  {state(run)}  {how_far(run)}")
        for line in error(run):
            Console(soft_wrap=True).print(f"    {line}", markup=False, highlight=False)
    if followed and run["state"] in BADLY:
        raise typer.Exit(1)


def _tried(rungs: list[dict[str, Any]]) -> str:
    """How far a candidate came, and how it ranked there."""
    last = rungs[-1]
    if "failed" in last:
        return f"failed: {last['failed']}"
    ranked = f", gained {last['gained']:.3g}, breaks {last['broken']:.0f}" if "gained" in last else ""
    return f"rung {len(rungs)}, loss {last['loss']:.3f}{ranked}"


def _say(sentence: str) -> None:
    Console(highlight=False, soft_wrap=True).print(sentence)
