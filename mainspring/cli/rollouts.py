"""Move a deployment's traffic to a version and back: `rollout`, `rollouts`, `promote`, `rollback`, `pause`, `resume`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mainspring.cli.stack import AsJson
from mainspring.client import Client
from mainspring.errors import InvalidRequest, UnknownRollout
from mainspring.local.doors import client

Name = Annotated[str, typer.Argument(help="The deployment.")]
Reason = Annotated[str, typer.Option(help="Why, for the log of events.")]
Force = Annotated[bool, typer.Option("--force", help="Even if no worker can hold the version.")]


def rollout(
    version: Annotated[str, typer.Argument(help="Such as assistant@4.")],
    *,
    now: Annotated[bool, typer.Option("--now", help="At once, without comparison.")] = False,
    plan: Annotated[
        Path | None, typer.Option(help="A JSON file with the plan, instead of the policy's.", exists=True)
    ] = None,
    force: Force = False,
    reason: Reason = "asked for",
    as_json: AsJson = False,
) -> None:
    """Begin to move a deployment's traffic to a version, step by step as the plan or the policy says."""
    name = version.rpartition("@")[0]
    if not name:
        raise InvalidRequest(
            "this names no version",
            field="version",
            remedy="Name it as assistant@4; mainspring versions lists them.",
        )
    body: dict[str, Any] = {"version": version, "reason": reason} | _forced(force)
    if now:
        body["plan"] = {"steps": []}
    elif plan is not None:
        body["plan"] = _read(plan)
    with client() as api:
        begun = api.request("POST", f"/v1/deployments/{name}/rollouts", json=body)
    if as_json:
        typer.echo(json.dumps(begun))
    elif begun["rollout"] is None:
        _say(f"{begun['version']} is in production.")
    else:
        _say(f"{begun['version']} is on its way: mainspring rollouts {name} shows how far it is.")


def rollouts(name: Name, *, as_json: AsJson = False) -> None:
    """List a deployment's rollouts, newest first, with what was seen of each challenger."""
    with client() as api:
        found = api.request("GET", f"/v1/deployments/{name}/rollouts")["rollouts"]
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not found:
        _say(f"{name} has had no rollout. mainspring rollout {name}@N begins one.")
        return
    table = Table(box=None)
    for column in ("challenger", "champion", "state", "share", "seen", "since"):
        table.add_column(column, no_wrap=True)
    table.add_column("evidence that it is worse", overflow="fold")
    for one in found:
        state = f"{one['state']}, paused" if one["paused"] else one["state"].replace("_", " ")
        seen = _seen(one)
        table.add_row(
            one["challenger"],
            one["champion"],
            state,
            f"{one['share']:.0%}",
            seen,
            one["step_at"][:19],
            _evidence(one),
        )
    Console().print(table)


def promote(
    name: Name, *, force: Force = False, reason: Reason = "asked for", as_json: AsJson = False
) -> None:
    """Let the challenger of the open rollout answer everything, now."""
    done = _act(name, "promote", reason, force=force)
    _tell(done, as_json, f"{done['challenger']} is in production; {done['champion']} drains.")


def rollback(
    name: Name,
    *,
    to: Annotated[str | None, typer.Option(help="An earlier version, such as assistant@2.")] = None,
    force: Force = False,
    reason: Reason = "asked for",
    as_json: AsJson = False,
) -> None:
    """Take the open rollout back; without one, let the version answer that did before. What waits moves with it."""
    body = {"reason": reason} | ({} if to is None else {"to": to}) | _forced(force)
    with client() as api:
        done = api.request("POST", f"/v1/deployments/{name}/rollback", json=body)
    _tell(
        done,
        as_json,
        f"{done['version']} answers instead of {done['instead_of']}; {done['moved']} jobs that waited were moved.",
    )


def pause(name: Name, *, reason: Reason = "asked for", as_json: AsJson = False) -> None:
    """Let the open rollout stay at its step. What is worse is rolled back all the same."""
    done = _act(name, "pause", reason)
    _tell(done, as_json, f"The rollout of {done['challenger']} stays at {done['share']:.0%}.")


def resume(name: Name, *, reason: Reason = "asked for", as_json: AsJson = False) -> None:
    """Let a paused rollout go on."""
    done = _act(name, "resume", reason)
    _tell(done, as_json, f"The rollout of {done['challenger']} goes on from {done['share']:.0%}.")


def abort(name: Name, *, reason: Reason = "asked for", as_json: AsJson = False) -> None:
    """End the open rollout without a judgement; the champion answers everything."""
    done = _act(name, "abort", reason)
    _tell(done, as_json, f"The rollout of {done['challenger']} was aborted; {done['champion']} answers.")


def _act(name: str, verb: str, reason: str, *, force: bool = False) -> dict[str, Any]:
    with client() as api:
        body = {"reason": reason} | _forced(force)
        done: dict[str, Any] = api.request("POST", f"/v1/rollouts/{_open(api, name)}/{verb}", json=body)
        return done


def _forced(force: bool) -> dict[str, Any]:  # noqa: FBT001
    return {"force": True} if force else {}


def _open(api: Client, name: str) -> str:
    found = api.request("GET", f"/v1/deployments/{name}/rollouts")["rollouts"]
    for one in found:
        if one["ended_at"] is None:
            return str(one["id"])
    raise UnknownRollout(
        f"{name} has no open rollout", field="name", remedy=f"mainspring rollout {name}@N begins one."
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidRequest(
            f"{path} is not a JSON object", field="plan", remedy='Write such as {"steps": [0.05, 0.25]}.'
        )
    return found


def _seen(one: dict[str, Any]) -> str:
    """How many answers of the challenger there are in what it goes through at the moment."""
    judged = one["judged"]
    if one["state"] == "testing":
        return str(judged.get("testing", {}).get("answered", 0))
    if one["state"] == "shadow":
        return str(judged.get("shadow", {}).get("tried", 0))
    return str(judged.get("units", 0))


def _evidence(one: dict[str, Any]) -> str:
    """Of each trouble that came up: how often, and how strong it speaks, 1 being nothing."""
    judged = one["judged"]
    found = judged.get("evidence") or judged.get("shadow", {}).get("evidence", {})
    said = [
        f"{name} {each['challenger']} of {each['challenger'] + each['champion']} (1 to e^{each['log_value']:.1f})"
        for name, each in found.items()
        if each["challenger"] + each["champion"]
    ]
    return ", ".join(said) or "none"


def _tell(done: dict[str, Any], as_json: bool, sentence: str) -> None:  # noqa: FBT001
    if as_json:
        typer.echo(json.dumps(done))
    else:
        _say(sentence)


def _say(sentence: str) -> None:
    Console(highlight=False, soft_wrap=True).print(sentence)
