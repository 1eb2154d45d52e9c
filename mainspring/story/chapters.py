"""The story from top to bottom, a chapter a function. All of it goes through the api; nobody steers what happens by itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainspring.client import Client
from mainspring.story.figures import Alarm, Round
from mainspring.story.following import follow, round_of
from mainspring.story.narrator import Narrator
from mainspring.story.policy import DEPLOYMENT, poisoned, policy
from mainspring.story.scale import Scale
from mainspring.story.texts import passages, poison
from mainspring.story.traffic import Traffic
from mainspring.story.watching import Watcher, name

CALM, BUSY = 0.7, 0.2  # seconds that each client waits between an answer and its next request
CURATE = {"held_out": 0.25}


@dataclass(frozen=True)
class Scene:
    """What each chapter has at hand."""

    scale: Scale
    api: Client
    narrator: Narrator
    traffic: Traffic
    folder: Path


def a_model(on: Scene) -> str:
    """From nothing, through the product; the label of the version."""
    old, tell = on.scale.old, on.narrator
    on.api.request(
        "PUT", f"/v1/deployments/{DEPLOYMENT}", json={"task": "text-generation", "policy": policy(on.scale)}
    )
    plan = CURATE | {"docstrings": list(old.modules)}
    asked = on.api.request("POST", "/v1/datasets", json={"deployment": DEPLOYMENT, "plan": plan})
    dataset = follow(on, "the dataset", f"/v1/datasets/{asked['id']}")
    rows = dataset["rows"]
    tell.say(
        f"{rows['train']:,} texts of {old.name}'s documentation to learn from, {rows['held_out']:,} kept aside."
    )
    body = {
        "recipe": "continued-pretraining",
        "parameters": on.scale.first.parameters(),
        "dataset_id": dataset["id"],
    }
    asked = on.api.request("POST", f"/v1/deployments/{DEPLOYMENT}/training-runs", json=body)
    run = follow(on, "training from nothing", f"/v1/training-runs/{asked['id']}")
    made = run["measures"]
    tell.say(
        f"{run['version']} is made: held-out loss {made['loss']:.2f} nats per token"
        f" after {made['training_seconds']:.0f} s of training."
    )
    return str(run["version"])


def in_service(on: Scene, watcher: Watcher) -> int:
    """It answers what it knows; how many requests its detectors saw of that."""
    scale, tell, traffic = on.scale, on.narrator, on.traffic
    many = scale.reference + scale.quiet
    traffic.turn(scale.old.name, passages(scale.old), most=many, pause=BUSY)
    tell.until(
        "answering",
        lambda: traffic.resting or None,
        lambda: f"{traffic.account.answered} of {many} requests about {scale.old.name}",
    )
    if traffic.account.answered == 0:
        raise tell.stuck(f"no request was answered: {traffic.account.failures[0]}")
    seen = tell.until(
        "looking at what was asked", lambda: _seen(watcher, traffic.account.answered - scale.reference)
    )
    tell.say(
        f"{traffic.account.answered} requests about {scale.old.name} are answered. The first {scale.reference}"
        f" are what is normal; {seen} more, and no alarm."
    )
    return seen


def _seen(watcher: Watcher, wanted: int) -> int | None:
    watched = int(watcher.look().get("watched", 0))
    return watched if watched >= wanted else None


def the_world_moves(on: Scene, shift: int) -> tuple[Alarm, str]:
    """The same clients ask about something else, and from here on nobody acts: the alarm of the data, and the id of the
    refresh that follows from it once there is enough to learn from."""
    scale, tell, traffic = on.scale, on.narrator, on.traffic
    texts, began = passages(scale.new), tell.seconds
    tell.say(f"From now on they ask about {scale.new.name}.")
    traffic.turn(scale.new.name, texts, pause=BUSY)
    found = tell.until(
        "waiting for the alarm",
        lambda: _alarm(on.api),
        lambda: f"{traffic.account.subjects[scale.new.name]} requests about {scale.new.name}",
    )
    seconds = round(tell.seconds - began, 1)
    tell.say(
        f"Alarm after {found['requests'] - shift} requests: evidence {found['value']:.1f},"
        f" and {found['threshold']:.1f} is enough."
    )
    refresh = tell.until("deciding", lambda: _refresh(on.api), lambda: _decision(on.api))
    traffic.slow_down(CALM)
    # What is strange is known better by those that followed.
    alarm = _alarm_of(_alarm(on.api) or found, shift, seconds)
    if alarm.terms:
        tell.say(f"What sets these requests apart: {', '.join(alarm.terms[:8])}.")
    return alarm, str(refresh["id"])


def _alarm(api: Client) -> dict[str, Any] | None:
    """The first one of the data."""
    data = [one for one in api.drift(DEPLOYMENT)["alarms"] if one["kind"] == "data"]
    return min(data, key=lambda one: one["at"], default=None)


def _alarm_of(found: dict[str, Any], shift: int, seconds: float) -> Alarm:
    return Alarm(
        after=found["requests"] - shift,
        at=found["requests"],
        seconds=seconds,
        detector=name(found),
        value=found["value"],
        threshold=found["threshold"],
        share=found["share"],
        terms=tuple(found["terms"]),
    )


def it_winds_itself(on: Scene, refresh: str) -> Round:
    return round_of(on, refresh, f"{on.scale.new.name}, by itself")


def poison_is_refused(on: Scene) -> Round:
    """Somebody gives a folder of rubbish that looks like documentation, and has it learned alone."""
    tell, scale = on.narrator, on.scale
    folder = on.folder / "poisoned"
    many = poison(scale.new, folder, scale.poisoned)
    tell.say(
        f"Somebody gives {many} documents about {scale.new.name} with their words out of order, to be learned alone."
    )
    body = {"task": "text-generation", "policy": poisoned(scale, str(folder.absolute()))}
    on.api.request("PUT", f"/v1/deployments/{DEPLOYMENT}", json=body)
    asked = on.api.request(
        "POST", f"/v1/deployments/{DEPLOYMENT}/refreshes", json={"reason": "there are new documents"}
    )
    return round_of(on, asked["id"], "poisoned data")


def _refresh(api: Client) -> dict[str, Any] | None:
    found = api.request("GET", f"/v1/deployments/{DEPLOYMENT}/refreshes")["refreshes"]
    return found[0] if found else None


def _decision(api: Client) -> str:
    return "; ".join(api.drift(DEPLOYMENT)["reasons"])


def the_former_leaves(on: Scene, former: str) -> None:
    on.narrator.until(f"draining {former}", lambda: stages(on.api).get(former) == "retired" or None)
    on.narrator.say(f"{former} has nothing left to answer and is retired.")


def stages(api: Client) -> dict[str, str]:
    """Of each version, the first one first."""
    found = api.request("GET", f"/v1/deployments/{DEPLOYMENT}/versions")["versions"]
    return {one["version"]: one["stage"] for one in sorted(found, key=lambda one: one["number"])}


def the_account(on: Scene) -> dict[str, Any]:
    """Nothing more is asked, what was asked is answered, and the log of events is verified: what that gave."""
    on.traffic.stop()
    account = on.traffic.account
    on.narrator.until("answering the last requests", lambda: on.traffic.resting or None)
    on.narrator.say(f"{account.answered:,} requests were answered, {account.failed} failed.")
    found = on.api.request("GET", "/v1/audit/verify")
    said = "each follows the one before it" if found["whole"] else "and it is not whole"
    on.narrator.say(f"The log has {found['events']:,} events, {said}.")
    return found
