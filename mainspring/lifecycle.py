"""The stages of a version and the transitions allowed. `advance()` is the only writer of `Version.stage`.

The same table stands in the database as a trigger (migrations), so that no other writer can break it.
"""

from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from mainspring.errors import IllegalTransition
from mainspring.tables import Event, Stage, Version

TRANSITIONS: dict[Stage, frozenset[Stage]] = {
    # A deployment's first version has no champion to be compared with: it goes straight to production.
    Stage.REGISTERED: frozenset({Stage.TESTING, Stage.PRODUCTION, Stage.REJECTED}),
    Stage.TESTING: frozenset({Stage.STAGING, Stage.REJECTED}),
    Stage.STAGING: frozenset({Stage.CANARY, Stage.REJECTED}),
    Stage.CANARY: frozenset({Stage.PRODUCTION, Stage.DRAINING, Stage.REJECTED}),
    Stage.PRODUCTION: frozenset({Stage.DRAINING}),
    Stage.DRAINING: frozenset({Stage.PRODUCTION, Stage.RETIRED}),
    Stage.RETIRED: frozenset({Stage.PRODUCTION}),
    Stage.REJECTED: frozenset(),
}

# The stages in which infer workers hold a version.
LIVE = frozenset({Stage.STAGING, Stage.CANARY, Stage.PRODUCTION, Stage.DRAINING})

# Whether a version has ever been in production, for a statement that selects from versions.
BEEN_IN_PRODUCTION = exists().where(
    Event.about == func.concat(Version.deployment, "@", Version.number),
    Event.kind == "version.advanced",
    Event.inputs["to"].astext == Stage.PRODUCTION.value,
)


def advance(
    session: Session,
    version: Version,
    to: Stage,
    *,
    actor: str,
    reason: str,
    inputs: dict[str, Any] | None = None,
) -> None:
    """Move a version to a stage and write the event. Raises IllegalTransition."""
    before = Stage(version.stage)
    if to not in TRANSITIONS[before]:
        allowed = ", ".join(sorted(TRANSITIONS[before])) or "none"
        raise IllegalTransition(
            f"{version.label} is {before} and cannot become {to}",
            remedy=f"From {before} it may go to: {allowed}.",
        )
    version.stage = to.value
    session.add(
        Event(
            kind="version.advanced",
            about=version.label,
            actor=actor,
            reason=reason,
            inputs={"from": before.value, "to": to.value, **(inputs or {})},
        )
    )
    session.flush()


def has_been_in_production(session: Session, version: Version) -> bool:
    """Not so one that left with its deployment while it was a challenger: clients had at most a share of it."""
    return session.scalar(select(Version.id).where(Version.id == version.id, BEEN_IN_PRODUCTION)) is not None
