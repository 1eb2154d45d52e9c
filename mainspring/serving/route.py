"""Which version answers a job: drawn when it is accepted, stored with the job. Pure; reads rows it is given.

While a rollout is open, new work goes to the challenger with the probability of its present step: a hash of the rollout
and of the session, or of the job without one, decides, so the same one is always drawn alike.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mainspring.errors import NotReady
from mainspring.serving.turns import Clock
from mainspring.tables import Stage


@dataclass(frozen=True)
class Candidate:
    """A live version of a deployment: how many jobs wait for it (see backlog.py), and its turns.

    `stage_at`: since when it is in its stage. `rollout`: the open one in which it is the challenger, with its share.
    """

    id: UUID
    number: int
    stage: Stage
    waiting: int
    clock: Clock
    stage_at: datetime
    rollout: UUID | None = None
    share: float = 0.0


@dataclass(frozen=True)
class Drawn:
    """`rollout` and `share` are None for work that no rollout drew: it has no part in the comparison."""

    version: Candidate
    rollout: UUID | None = None
    share: float | None = None


def choose(deployment: str, candidates: Sequence[Candidate], key: UUID) -> Drawn:
    """For a new session or a job without one, whose id is the `key`. Raises NotReady when there is no champion."""
    first = champion(candidates)
    if first is None:
        raise NotReady(
            f"`{deployment}` has no version in production yet",
            field="deployment",
            remedy=f"Wait until its first version is made: GET /v1/deployments/{deployment} shows how far it is.",
        )
    challenger = next((one for one in candidates if one.rollout is not None and one.share > 0), None)
    if challenger is None or challenger.rollout is None:
        return Drawn(first)
    lucky = position(challenger.rollout, key) < challenger.share
    return Drawn(challenger if lucky else first, challenger.rollout, challenger.share)


def champion(candidates: Sequence[Candidate]) -> Candidate | None:
    """The one in production."""
    return next((one for one in candidates if one.stage is Stage.PRODUCTION), None)


def position(rollout: UUID, key: UUID) -> float:
    """Uniform in [0, 1), independent from rollout to rollout."""
    drawn = hashlib.blake2b(rollout.bytes + key.bytes, digest_size=8).digest()
    return (int.from_bytes(drawn) >> 11) / 2**53
