"""What has to change of a deployment itself for it to be as declared. Pure: reads what the server said of it.

Which versions there shall be, and which of them answers, is versions.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from mainspring.declaring.reading import Wanted
from mainspring.policy import Policy, kept


@dataclass(frozen=True)
class Change:
    """`verb`: declare, register, rolls_out, takes_over, shares or reshares. `said`: a line for people, of what will be.
    `body`: as sent. `version`: the one that it is about."""

    verb: str
    said: str
    body: dict[str, Any]
    version: str | None = None


def declared(name: str, wanted: Wanted, found: dict[str, Any] | None) -> Iterator[Change]:
    """`found`: the deployment as it is, None if there is none. Its task must be the wanted one."""
    body = {"task": wanted.task.value} | ({} if wanted.policy is None else {"policy": wanted.policy})
    if found is None:
        yield Change("declare", f"{name} is made, for {wanted.task.value}", body)
    elif found["retired_at"] is not None:
        yield Change("declare", f"{name}, which was retired, is back", body)
    elif wanted.policy is not None:
        parts = list(_apart(filled(wanted.policy), filled(found["policy"]), "policy"))
        if parts:
            yield Change("declare", f"{name}: {'; '.join(parts)}", body)


def filled(policy: dict[str, Any]) -> dict[str, Any]:
    """As the server keeps it. One that it would not take, or that an older one took, is as it is."""
    try:
        return kept(Policy.model_validate(policy))
    except ValidationError:
        return policy


def _apart(wanted: Any, found: Any, where: str) -> Iterator[str]:
    """Which parts of a policy differ, both with all their defaults."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in wanted:
            yield from _apart(wanted[name], found.get(name), f"{where}.{name}")
        yield from (f"{where}.{name} is left out" for name in found if name not in wanted)
    elif wanted != found:
        yield f"{where} is {wanted} instead of {'nothing' if found is None else found}"
