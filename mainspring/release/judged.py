"""What a look at a rollout changed, and the way back, which any look may take."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from mainspring.release import rollout as verbs
from mainspring.tables import Rollout

ACTOR = "judge"


@dataclass
class Judged:
    """`changed`: workers have to look at the rows again. `moved`: how many jobs wait for which version instead."""

    changed: bool = False
    moved: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


def back(session: Session, rollout: Rollout, reason: str) -> Judged:
    """It is worse, or no worker can hold it: what waits for it goes to the champion."""
    moved = verbs.roll_back(session, rollout, actor=ACTOR, reason=reason)
    return Judged(changed=True, moved={str(rollout.champion_id): moved}, said=[reason])
