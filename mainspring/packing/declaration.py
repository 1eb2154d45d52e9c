"""The packed deployment as a file that `mainspring apply` reads, with the sets of prompts that its policy names."""

import json
from pathlib import Path
from typing import Any

import yaml

from mainspring.client import Client
from mainspring.packing.model import FOLDER

FILE, PROMPTS = "deployments.yaml", "prompts"


def declare(
    record: dict[str, Any], base: dict[str, Any] | None, policy: dict[str, Any], folder: Path
) -> None:
    """Versions count anew where the package is started, so an adapter's base has a deployment of its own there."""
    name, task = record["deployment"], record["task"]
    wanted: dict[str, Any] = {"task": task, "policy": policy, "model": f"{FOLDER}/{record['digest']}"}
    deployments = {name: wanted}
    if base is not None:
        below = base_name(name)
        wanted["base"] = f"{below}@1"
        deployments[below] = {"task": task, "model": f"{FOLDER}/{base['digest']}"}
    said = yaml.safe_dump({"deployments": deployments}, sort_keys=False, allow_unicode=True)
    (folder / FILE).write_text(said, encoding="utf-8")


def base_name(name: str) -> str:
    """Of the deployment of an adapter's base; a name has at most 63 characters."""
    return f"{name[:58]}-base"


def put_prompts(api: Client, name: str, policy: dict[str, Any], folder: Path) -> None:
    """A prompt a line, in `prompts/<set>.jsonl`. Raises Refused."""
    for called in named_sets(policy):
        found = api.request("GET", f"/v1/deployments/{name}/prompts/{called}")["prompts"]
        lines = [json.dumps(one, ensure_ascii=False, sort_keys=True) + "\n" for one in found]
        (folder / PROMPTS).mkdir(exist_ok=True)
        (folder / PROMPTS / f"{called}.jsonl").write_text("".join(lines), encoding="utf-8")


def named_sets(policy: dict[str, Any]) -> list[str]:
    """Those that testing and the reference need."""
    parts = (policy.get(part) or {} for part in ("rollout", "drift"))
    return sorted({part["prompts"] for part in parts if part.get("prompts")})
