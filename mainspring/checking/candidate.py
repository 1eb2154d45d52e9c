"""Which model is looked at, and how it comes to be a version that no client is answered by."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from mainspring.client import Client
from mainspring.errors import Conflict, InvalidRequest

_LABEL = re.compile(r"([a-z0-9][a-z0-9._-]{0,62})@[1-9][0-9]*")
# A version in these stages is held by workers, so it can be asked without a rollout.
ANSWERING = ("production", "draining")


@dataclass(frozen=True)
class GivenSet:
    """Prompts: `name`, of a set that is stored or shall be; `prompts`: None, it is stored. `located`: wraps storing them,
    so that what is refused names its line."""

    name: str
    prompts: list[dict[str, Any]] | None = None
    located: Callable[[], AbstractContextManager[None]] = nullcontext


@dataclass(frozen=True)
class Demands:
    """`agreement`: with the champion, from 0 to 1; None: it is only told. `right`: the share of what is expected that it has
    to get right; None: as much as the champion does, or all of it where there is none."""

    agreement: float | None = None
    right: float | None = None


@dataclass(frozen=True)
class Candidate:
    """A version that workers hold, to be asked by POST /v1/deployments/{deployment}/prompts/{set}/trials.

    `champion`: the one in production; None: it is the candidate itself. `sets`: stored prompts, each a name.
    """

    api: Client
    deployment: str
    version: str
    champion: str | None
    sets: tuple[str, ...]
    demands: Demands
    seconds: float  # how long it is waited for an answer
    pause: Callable[[], None]  # between two looks


def deployment_of(asked: str | None, candidate: str | None, declared: list[str]) -> str:
    """The one that is meant. Raises InvalidRequest."""
    label = _LABEL.fullmatch(candidate or "")
    found = asked or (label[1] if label else declared[0] if len(declared) == 1 else None)
    if found is None:
        raise InvalidRequest(
            f"the file declares {len(declared)} deployments",
            field="deployment",
            remedy=f"Name one: --deployment {declared[0]}.",
        )
    if found not in declared:
        raise InvalidRequest(
            f"the file declares no `{found}`",
            field="deployment",
            remedy=f"Use one of: {', '.join(declared)}.",
        )
    if label and label[1] != found:
        raise InvalidRequest(
            f"{candidate} is no version of `{found}`", field="candidate", remedy=f"Name such as {found}@3."
        )
    return found


def is_label(candidate: str) -> bool:
    return _LABEL.fullmatch(candidate) is not None


def registered(
    api: Client, name: str, model: str, *, revision: str | None, base: str | None, seconds: float
) -> dict[str, Any]:
    """The version, as the server lists it: registered and held back from clients, or the one of that name.

    Raises ModelRefused, UnknownVersion as Refused, Conflict for one that is over.
    """
    if not is_label(model):
        found = api.register(model, deployment=name, revision=revision, base=base, hold=True, timeout=seconds)
    else:
        api.request("GET", f"/v1/versions/{model}")  # or it is said that there is none
        listed = api.request("GET", f"/v1/deployments/{name}/versions")["versions"]
        found = next(one for one in listed if one["version"] == model)
    if found["stage"] in ("rejected", "retired"):
        raise Conflict(
            f"{found['version']} is {found['stage']}, and is tested no more",
            field="candidate",
            remedy="Give its folder or its hub id: the same model is then registered under another number.",
        )
    return found


def require_champion(api: Client, name: str) -> str:
    """What clients are answered by. Raises Conflict where there is none: a first version would answer at once."""
    found = api.request("GET", f"/v1/deployments/{name}")["production"]
    if found is None:
        raise Conflict(
            f"`{name}` has no version in production, and its first would answer clients at once",
            field="deployment",
            remedy="Bring the first by mainspring apply; or test it apart from clients: --embedded.",
        )
    return str(found)
