"""Start a package, `mainspring up --package FOLDER`: the stack, with its own servers or those of the given URLs, and the
packed version as what answers. It asks nothing of a network.

Where the home knows the packed bytes already nothing is registered: what has happened there since stays as it is.
"""

import json
import threading
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from mainspring.client import Client, Refused
from mainspring.declaring.applying import Applying
from mainspring.declaring.lines import Document
from mainspring.declaring.reading import Wanted, read
from mainspring.errors import ModelRefused, UnknownDeployment
from mainspring.local.doors import own
from mainspring.local.services import address
from mainspring.local.up import up
from mainspring.packing import declaration, manifest
from mainspring.settings import Settings

POLL_SECONDS = 0.5
SERVED = ("models", "prompts", "deployments.yaml")


def start(folder: Path, settings: Settings, console: Console) -> None:
    """Returns after an orderly stop. Raises ModelRefused for a package that is not what was packed, StackError."""
    content = manifest.read(folder)
    manifest.verify(folder, content, SERVED)

    def story() -> None:
        with own(settings) as api:
            bring(api, folder, content, console)
            label = until_held(api, content["deployment"])
        console.print(
            f"{label} ({content['version']}, {content['digest'][:12]}) answers at {address(settings)}."
        )
        threading.Event().wait()  # the stack serves until it is told to stop

    up(settings, console, starter=False, story=story)


def bring(api: Client, folder: Path, content: dict[str, Any], console: Console) -> None:
    """What the package declares, unless it is known. Raises BadDeclaration, Refused, ModelRefused."""
    document = Document(folder / declaration.FILE)
    wanted = read(document)
    for name, one in wanted.items():
        if content["models"][name] in _digests(api, name):
            continue
        _store_prompts(api, name, one, folder)
        for change in Applying(api, document, wanted, name, dry_run=False).changes():
            console.print(change.said, markup=False, highlight=False)


def until_held(api: Client, name: str) -> str:
    """Wait until a worker has what is in production, which is returned. Raises ModelRefused if none can hold it."""
    while True:
        found = api.request("GET", f"/v1/deployments/{name}")
        states = {one["state"]: one for one in found["workers"] if one["version"] == found["production"]}
        if "ready" in states:
            return str(found["production"])
        if "refused" in states:
            raise ModelRefused(f"no worker can hold it: {states['refused']['reason']}", field="model")
        time.sleep(POLL_SECONDS)


def _store_prompts(api: Client, name: str, wanted: Wanted, folder: Path) -> None:
    """Before the policy names them."""
    sets = declaration.named_sets(wanted.policy or {})
    if sets:
        api.request("PUT", f"/v1/deployments/{name}", json={"task": wanted.task.value})
    for called in sets:
        lines = (folder / declaration.PROMPTS / f"{called}.jsonl").read_text(encoding="utf-8").splitlines()
        body = {"prompts": [json.loads(line) for line in lines]}
        api.request("PUT", f"/v1/deployments/{name}/prompts/{called}", json=body)


def _digests(api: Client, name: str) -> set[str]:
    try:
        found = api.request("GET", f"/v1/deployments/{name}/versions")["versions"]
    except Refused as refused:
        if refused.code != UnknownDeployment.code:
            raise
        return set()
    return {one["digest"] for one in found}
