"""Whether any worker can hold a version, by what the live ones say of it; and what is done where none can."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from mainspring.errors import Conflict
from mainspring.settings import Environment
from mainspring.tables import Event, HeldVersion, Incarnation, Refusal, Stage, TrainingRun, Version

ACTOR = "judge"
PASSING_SECONDS = 60.0  # what may pass counts once it has lasted so long
_AGAIN = timedelta(hours=1)  # that nobody holds what should answer is said once in so long
_REFUSED = HeldVersion.state == "refused"


@dataclass(frozen=True)
class Word:
    """What a live infer worker says of a version. `state`: None until it has looked at it."""

    state: str | None
    reason: str
    refusal: str | None
    lasted: float

    @property
    def refuses(self) -> bool:
        """It cannot hold the version, and that is not about to change."""
        passing = self.refusal == Refusal.PASSING and self.lasted < PASSING_SECONDS
        return self.state == "refused" and not passing


def words(session: Session, version_id: UUID, environment: Environment) -> list[Word]:
    """Of all live workers that hold versions of that environment."""
    return _words(session, HeldVersion.version_id == version_id, environment)


def why_refused(said: Iterable[Word]) -> list[str]:
    """The reasons, if all that is said is no; else none."""
    said = list(said)
    return [word.reason for word in said] if all(word.refuses for word in said) else []


def require_holdable(session: Session, version: Version) -> None:
    """Raises Conflict if whatever live workers last said of a version is that they cannot load it.

    Lack of room is left out, which another version's leaving may change, and what was said before it was last
    registered.
    """
    made = exists().where(
        TrainingRun.version_id == version.id, TrainingRun.finished_at > HeldVersion.updated_at
    )
    found = _words(session, and_(HeldVersion.version_id == version.id, ~made), Environment.PRODUCTION)
    said = [word for word in found if word.state is not None]
    if any(word.refusal == Refusal.ROOM for word in said) or not (reasons := why_refused(said)):
        return
    reason, _, remedy = reasons[0].partition(". ")
    raise Conflict(
        f"no worker can hold {version.label}: {reason}",
        field="version",
        remedy=f"{remedy or 'Register it again.'} With `force` it is done all the same, and jobs wait until one can.",
    )


def tell_unheld(session: Session) -> list[tuple[str, str]]:
    """Versions in production that no worker can hold, each with the reason, as an event. Safe to run twice at once."""
    live = exists().where(
        HeldVersion.version_id == Version.id,
        HeldVersion.incarnation == Incarnation.id,
        _REFUSED,
        *_live(Environment.PRODUCTION),
    )
    found = session.scalars(
        select(Version)
        .where(Version.stage == Stage.PRODUCTION.value, live)
        .order_by(Version.id)
        .with_for_update(skip_locked=True)
    ).all()
    told = []
    for version in found:
        reasons = why_refused(words(session, version.id, Environment.PRODUCTION))
        if reasons and not _was_told(session, version):
            reason = f"the version in production cannot be held: {reasons[0]}"
            session.add(Event(kind="version.unheld", about=version.label, actor=ACTOR, reason=reason))
            told.append((version.label, reasons[0]))
    session.flush()
    return told


def _words(session: Session, which: ColumnElement[bool], environment: Environment) -> list[Word]:
    rows = session.execute(
        select(HeldVersion.state, HeldVersion.reason, HeldVersion.engine)
        .select_from(Incarnation)
        .outerjoin(HeldVersion, and_(HeldVersion.incarnation == Incarnation.id, which))
        .where(*_live(environment))
        .order_by(Incarnation.id)
    )
    return [
        Word(
            row.state,
            row.reason or "",
            (row.engine or {}).get("refusal"),
            (row.engine or {}).get("lasted", 0.0),
        )
        for row in rows
    ]


def _live(environment: Environment) -> list[ColumnElement[bool]]:
    return [
        Incarnation.role == "infer",
        Incarnation.environment.in_([environment.value, Environment.ALL.value]),
        Incarnation.ended_at.is_(None),
        Incarnation.lease_until > func.now(),
    ]


def _was_told(session: Session, version: Version) -> bool:
    lately = exists().where(
        Event.about == version.label,
        Event.kind == "version.unheld",
        Event.at > func.greatest(version.stage_at, func.now() - _AGAIN),
    )
    return bool(session.scalar(select(lately)))
