"""Where a job stands in its conversation, for a statement that reads jobs and their sessions: null without one."""

from sqlalchemy import case, false, func, null, or_, select
from sqlalchemy.orm import aliased

from mainspring.tables import ChatSession, Job

_Earlier = aliased(Job)
# The job before it, unless the conversation has begun anew in between.
BEFORE = (
    select(_Earlier.id, _Earlier.input)
    .where(
        _Earlier.session_id == Job.session_id,
        _Earlier.id < Job.id,
        or_(ChatSession.since.is_(None), ChatSession.since >= Job.id, _Earlier.id > ChatSession.since),
    )
    .order_by(_Earlier.id.desc())
    .limit(1)
    .correlate(Job, ChatSession)
    .lateral("before")
)
_ALONE = (Job.session_id.is_(None), null())
BEGINS = case(_ALONE, else_=BEFORE.c.id.is_(None))
AGAIN = case(_ALONE, else_=func.coalesce(BEFORE.c.input == Job.input, false()))
