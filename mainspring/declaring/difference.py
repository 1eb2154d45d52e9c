"""What has to change, of one deployment, for it to be as declared. Pure: reads what the server said of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mainspring.declaring.reading import Wanted


@dataclass(frozen=True)
class Change:
    """`verb`: declare, register, takes_over, shares or reshares. `said`: a line for people, of what will be. `body`: as sent."""

    verb: str
    said: str
    body: dict[str, Any]


def declared(name: str, wanted: Wanted, found: dict[str, Any] | None) -> Iterator[Change]:
    """`found`: the deployment as it is, None if there is none. Its task must be the wanted one."""
    body = {"task": wanted.task.value} | ({} if wanted.policy is None else {"policy": wanted.policy})
    if found is None:
        yield Change("declare", f"{name} is made, for {wanted.task.value}", body)
    elif found["retired_at"] is not None:
        yield Change("declare", f"{name}, which was retired, is back", body)
    elif wanted.policy is not None and (parts := list(_apart(wanted.policy, found["policy"], "policy"))):
        yield Change("declare", f"{name}: {'; '.join(parts)}", body)


def registered(
    name: str, wanted: Wanted, versions: list[dict[str, Any]], digest: str | None
) -> Change | None:
    """`digest`: of a folder's files; None for a hub id, and for an adapter whose base is yet to be made."""
    if wanted.model is None:
        return None
    for version in versions:
        if version["stage"] == "rejected":
            continue
        source = version["source"]
        names = ("hub", "revision", "base")
        same = tuple(map(source.get, names)) == (wanted.model, wanted.revision, wanted.base)
        if version["digest"] == digest or (digest is None and same):
            return None
    number = max((version["number"] for version in versions), default=0) + 1
    said = {"model": wanted.model, "revision": wanted.revision, "base": wanted.base}
    over = "" if wanted.base is None else f", an adapter of {wanted.base}"
    body = {key: value for key, value in said.items() if value is not None}
    return Change("register", f"{name}@{number} is registered from {wanted.model}{over}", body)


def weighted(
    name: str,
    wanted: Wanted,
    production: str | None,
    rollout: dict[str, Any] | None,
    stages: dict[str, str],
) -> Change | None:
    """`rollout`: the open one; `stages`: of the versions. Raises ValueError, in words, where shares cannot become so."""
    if wanted.weights is None:
        return None
    shares = {label: share for label, share in wanted.weights.items() if share > 0}
    others = {label: share for label, share in shares.items() if label != production}
    if production is None or len(others) == len(shares) == 2:
        raise ValueError(f"neither is in production: {production or 'nothing'} is")
    open_one = None if rollout is None else (rollout["challenger"], tuple(rollout["plan"]["steps"]))
    if not others:
        if open_one is None:
            return None
        raise ValueError(f"the rollout of {open_one[0]} is open: roll it back or abort it first")
    [(label, share)] = others.items()
    if open_one is not None and open_one[0] != label:
        raise ValueError(f"the rollout of {open_one[0]} is open, and one at a time is")
    if open_one is not None and open_one[1] == (share,):
        return None
    if share == 1:
        return Change("takes_over", f"{label} takes over from {production}", {"version": label})
    if stages.get(label) in ("draining", "retired"):
        raise ValueError(f"{label} has been in production: it takes over whole, or not at all")
    plan = {
        "steps": [share],
        "samples": 1_000_000,
        "dwell_seconds": 0,
    }  # it stays there until somebody decides
    said = f"{label} has {share:.0%} of {name}'s new work, {production} the rest"
    if open_one is not None:
        return Change("reshares", f"{said}, instead of going by {list(open_one[1])}", {"plan": plan})
    return Change("shares", said, {"version": label, "plan": plan})


def _apart(wanted: Any, found: Any, where: str) -> Iterator[str]:
    """Which parts of a policy differ; what the server filled in itself does not."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in wanted:
            yield from _apart(wanted[name], found.get(name), f"{where}.{name}")
        if where == "policy":
            yield from (f"{where}.{name} is left out" for name in found if name not in wanted)
    elif _plain(wanted) != _plain(found):
        yield f"{where} is {wanted} instead of {'nothing' if found is None else found}"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value
