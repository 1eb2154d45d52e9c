"""Jobs and conversations of versions that are no longer for them: the champion takes them in."""

from datetime import datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from mainspring.lifecycle import LIVE
from mainspring.registry import champion_of
from mainspring.release.draining import ACTOR, unlocked
from mainspring.release.moving import Moved, hold, move
from mainspring.tables import ChatSession, Event, Job, JobState, Stage, Version, constant

_ROLLED_BACK = "it was rolled back"
_ANSWERING = [stage.value for stage in LIVE if stage is not Stage.DRAINING]
# What begins nothing new and has something left.
_LEFT_WITH_WORK = and_(
    Version.stage.not_in(_ANSWERING),
    or_(
        exists().where(Job.version_id == Version.id, Job.state == constant(JobState.QUEUED)),
        exists().where(ChatSession.version_id == Version.id, ChatSession.ended_at.is_(None)),
    ),
)


def take_in_strays(session: Session) -> dict[str, int]:
    """Those drawn for a version just when it was taken back, and those left when its last day is over.

    How many jobs, by their new version's id.
    """
    strays = [
        (version, champion, why)
        for version, plan, now in unlocked(session, _LEFT_WITH_WORK)
        if (why := _why(session, version, plan.last_day(version.stage_at), now)) is not None
        and (champion := champion_of(session, version.deployment)) is not None
    ]
    hold(session, [version.id for version, _, _ in strays])
    taken: dict[str, int] = {}
    for version, champion, why in strays:
        moved = move(session, version.id, champion.id, stays=why == _ROLLED_BACK)
        _tell(session, version, champion, moved, why)
        if moved.jobs:
            taken[str(champion.id)] = taken.get(str(champion.id), 0) + moved.jobs
    return taken


def _why(session: Session, version: Version, last_day: datetime, now: datetime) -> str | None:
    """None: they are where they should be."""
    if version.stage != Stage.DRAINING:
        return "it answers nothing more"
    if now >= last_day:
        return "its deadline passed"
    return _ROLLED_BACK if _rolled_back(session, version) else None


def _rolled_back(session: Session, version: Version) -> bool:
    """Whether that is why it drains: then nothing is left with it but what names it."""
    last = session.scalar(
        select(Event.inputs)
        .where(Event.about == version.label, Event.kind == "version.advanced")
        .order_by(Event.id.desc())
        .limit(1)
    )
    return last is not None and "rolled_back_to" in last


def _tell(session: Session, version: Version, champion: Version, moved: Moved, why: str) -> None:
    if moved.sessions:
        inputs = {"sessions": moved.sessions, "jobs": moved.jobs, "to": champion.label}
        session.add(Event(kind="sessions.moved", about=version.label, actor=ACTOR, reason=why, inputs=inputs))
        session.flush()
