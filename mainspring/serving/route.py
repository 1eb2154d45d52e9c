"""Which version answers a job: chosen when it is accepted, stored with the answer. Pure; reads rows it is given.

Shadow and canary weights come with rollouts; today a deployment's traffic goes to its champion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from mainspring.errors import NotReady
from mainspring.tables import Stage


@dataclass(frozen=True)
class Candidate:
    """A live version of a deployment, and how many jobs wait for it."""

    id: UUID
    number: int
    stage: Stage
    ahead: int


def choose(deployment: str, candidates: Sequence[Candidate]) -> Candidate:
    """The champion. Raises NotReady when there is none."""
    for candidate in candidates:
        if candidate.stage is Stage.PRODUCTION:
            return candidate
    raise NotReady(
        f"`{deployment}` has no version in production yet",
        field="deployment",
        remedy=f"Wait until its first version is made: GET /v1/deployments/{deployment} shows how far it is.",
    )
