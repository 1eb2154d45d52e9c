"""Which version answers a job: chosen when it is accepted, stored with the answer. Pure; reads rows it is given.

Shadow and canary weights come with rollouts; today a deployment's traffic goes to its champion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from mainspring.errors import NotReady
from mainspring.serving.turns import Clock
from mainspring.tables import Stage


@dataclass(frozen=True)
class Candidate:
    """A live version of a deployment: how many jobs wait for it (see backlog.py), and its turns."""

    id: UUID
    number: int
    stage: Stage
    waiting: int
    clock: Clock


def choose(deployment: str, candidates: Sequence[Candidate], pinned: UUID | None = None) -> Candidate:
    """The pinned version while it lives, else the champion. Raises NotReady when there is none."""
    for candidate in candidates:
        if candidate.id == pinned:
            return candidate
    for candidate in candidates:
        if candidate.stage is Stage.PRODUCTION:
            return candidate
    raise NotReady(
        f"`{deployment}` has no version in production yet",
        field="deployment",
        remedy=f"Wait until its first version is made: GET /v1/deployments/{deployment} shows how far it is.",
    )
