"""What a person can do with an open rollout, by the name that the path has for it."""

from functools import partial
from typing import Any, Protocol

from sqlalchemy.orm import Session

from mainspring.release import rollout as verbs
from mainspring.release.holdable import require_holdable
from mainspring.tables import Rollout, RolloutState, Version


class Verb(Protocol):
    """How many jobs that waited were moved to another version."""

    def __call__(
        self, session: Session, rollout: Rollout, *, actor: str, reason: str, force: bool
    ) -> int: ...


def _promote(session: Session, rollout: Rollout, *, actor: str, reason: str, force: bool) -> int:
    if not force:
        require_holdable(session, session.get_one(Version, rollout.challenger_id))
    verbs.promote(session, rollout, actor=actor, reason=reason)
    return 0


def _end(session: Session, rollout: Rollout, *, state: RolloutState, force: bool, **why: Any) -> int:  # noqa: ARG001
    return verbs.roll_back(session, rollout, state=state, **why)


def _pause(session: Session, rollout: Rollout, *, paused: bool, force: bool, **why: Any) -> int:  # noqa: ARG001
    verbs.pause(session, rollout, paused=paused, **why)
    return 0


VERBS: dict[str, Verb] = {
    "promote": _promote,
    "rollback": partial(_end, state=RolloutState.ROLLED_BACK),
    "abort": partial(_end, state=RolloutState.ABORTED),
    "pause": partial(_pause, paused=True),
    "resume": partial(_pause, paused=False),
}
