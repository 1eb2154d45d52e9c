"""`mainspring deploy`: put a model behind a name, and watch until it answers or is refused."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mainspring.cli.stack import AsJson
from mainspring.cli.versions import engine as chosen
from mainspring.client import Client, Refused, registering
from mainspring.errors import ModelRefused, UnknownDeployment
from mainspring.local.doors import client
from mainspring.terms import EngineName, Task

POLL_SECONDS = 0.5


def deploy(
    name: Annotated[str, typer.Argument(help="What clients will address.")],
    *,
    model: Annotated[str, typer.Option(help="A folder with safetensors weights, or a hub id.")],
    task: Annotated[Task, typer.Option(help="What it shall do.")],
    revision: Annotated[str | None, typer.Option(help="Of the hub id: a branch, tag or commit.")] = None,
    base: Annotated[
        str | None, typer.Option(help="Of an adapter: the version that it changes, such as chat@1.")
    ] = None,
    engine: Annotated[EngineName | None, typer.Option(help="What shall serve it; else as before.")] = None,
    engine_url: Annotated[
        str | None, typer.Option(help="Address of an inference server that serves it already; means vllm.")
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Take over at once, whatever the policy says.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register a model as the next version of a deployment, and put it into production or begin its rollout."""
    console = Console(stderr=True)
    if Path(model).is_dir():
        model = str(Path(model).resolve())
    with client() as api:
        body = {"task": task.value} | _policy(api, name, engine, engine_url)
        api.request("PUT", f"/v1/deployments/{name}", json=body)
        body = registering.import_body(model, revision, base=base, now=now)
        run = api.request("POST", f"/v1/deployments/{name}/versions", json=body)
        run = _watch(api, run, console)
        stage = _stage(api, name, run["version"])
        if stage == "production":
            _until_held(api, name, run["version"], console)
        other = None if engine is None else _other_engine(api, name, run["version"], engine)
    if as_json:
        typer.echo(json.dumps({"deployment": name, "version": run["version"], "stage": stage}))
    elif stage == "registered":
        console.print(
            f"[bold]{run['version']}[/] waits until the open rollout has ended: mainspring rollouts {name}."
        )
    elif stage != "production":
        console.print(
            f"[bold]{run['version']}[/] is on its way: mainspring rollouts {name} shows how far it is."
        )
    else:
        console.print(f"[bold]{run['version']}[/] is in production and answers requests for [bold]{name}[/].")
        if other is not None:
            console.print(f"It runs by {other}.", markup=False, highlight=False, soft_wrap=True)


def _policy(api: Client, name: str, engine: EngineName | None, engine_url: str | None) -> dict[str, Any]:
    """The deployment's policy with another engine; nothing when none is named."""
    if engine is None and engine_url is None:
        return {}
    try:
        before = api.request("GET", f"/v1/deployments/{name}")["policy"]
    except Refused as refused:
        if refused.code != UnknownDeployment.code:
            raise
        before = {}
    kept = {key: value for key, value in before.items() if not key.startswith("engine")}
    named = {"engine": (engine or EngineName.VLLM).value, "engine_url": engine_url}
    return {"policy": kept | {key: value for key, value in named.items() if value is not None}}


def _watch(api: Client, run: dict[str, Any], console: Console) -> dict[str, Any]:
    with console.status("waiting for the train worker") as status:
        while not registering.over(run):
            status.update(f"{run['activity'] or run['state']} · {run['progress']:.0%}")
            time.sleep(POLL_SECONDS)
            run = api.request("GET", f"/v1/training-runs/{run['id']}")
    return run


def _stage(api: Client, name: str, version: str) -> str:
    found = api.request("GET", f"/v1/deployments/{name}")["versions"]
    return next(str(one["stage"]) for one in found if one["version"] == version)


def _other_engine(api: Client, name: str, version: str, asked: EngineName) -> str | None:
    """What runs it where it was last loaded, and why, if that is not what was asked for."""
    found = api.request("GET", f"/v1/deployments/{name}/versions")["versions"]
    plans = (plan for one in found if one["version"] == version for plan in one["plans"])
    latest = next((plan for plan in plans if plan["asked"] == asked), None)
    if latest is None or asked in (EngineName.AUTO, latest["engine"]):
        return None
    return chosen(latest)


def _until_held(api: Client, name: str, version: str, console: Console) -> None:
    """An infer worker has loaded it, or says why it cannot."""
    with console.status(f"loading {version}"):
        while True:
            found = api.request("GET", f"/v1/deployments/{name}")
            asked = found["policy"].get("engine", EngineName.AUTO)  # not those that have not looked since
            of_this = [one for one in found["workers"] if (one["version"], one["asked"]) == (version, asked)]
            if any(worker["state"] == "ready" for worker in of_this):
                return
            refused = [worker for worker in of_this if worker["state"] == "refused"]
            if refused:
                reason, _, remedy = refused[0]["reason"].partition(". ")
                raise ModelRefused(
                    f"the infer worker cannot hold it: {reason}", field="model", remedy=remedy or None
                )
            time.sleep(POLL_SECONDS)
