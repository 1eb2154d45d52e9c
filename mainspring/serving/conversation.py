"""Sessions: the jobs of a conversation run in order, on the version that it began on, and see what was said before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, String, any_, bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from mainspring.identifiers import uuid7
from mainspring.serving.route import Drawn
from mainspring.tables import ChatSession, Job, JobState, Version, constant

_UNFINISHED = (constant(JobState.QUEUED), constant(JobState.RUNNING))


@dataclass(frozen=True)
class Place:
    """Where a new job of a session stands. `after`: the job that has to end first.

    `moved_from`: the version that answered until now, such as `assistant@3`, if it is not the one that will.
    """

    session_id: UUID
    version_id: UUID
    after: UUID | None
    rollout_id: UUID | None = None
    share: float | None = None
    moved_from: str | None = None


_OPEN = insert(ChatSession).on_conflict_do_nothing(index_elements=["tenant_id", "deployment", "name"])
_LOCK = (
    select(
        ChatSession.id,
        ChatSession.version_id,
        ChatSession.rollout_id,
        ChatSession.share,
        ChatSession.ended_at,
        ChatSession.moved_from,
    )
    .where(
        ChatSession.tenant_id == bindparam("tenant_id"),
        ChatSession.deployment == bindparam("deployment"),
        ChatSession.name == bindparam("name"),
    )
    .with_for_update()
)
_MOVE = (
    update(ChatSession)
    .where(ChatSession.id == bindparam("session"))
    .values(version_id=bindparam("to_version"), rollout_id=None, share=None, moved_from=None)
)
_TOLD = update(ChatSession).where(ChatSession.id == bindparam("session")).values(moved_from=None)
_BEGIN_ANEW = (
    update(ChatSession)
    .where(ChatSession.id == bindparam("session"))
    .values(
        version_id=bindparam("to_version"),
        rollout_id=bindparam("drawn_in"),
        share=bindparam("drawn_with"),
        since=bindparam("from_now"),
        ended_at=None,
        moved_from=None,
    )
)
_END = (
    update(ChatSession)
    .where(
        ChatSession.tenant_id == bindparam("tenant"),
        ChatSession.deployment == bindparam("of"),
        ChatSession.name == bindparam("called"),
    )
    .values(ended_at=func.coalesce(ChatSession.ended_at, func.now()))
    .returning(ChatSession.id)
)
_LABEL = select(func.concat(Version.deployment, "@", Version.number)).where(
    Version.id == bindparam("version")
)
# Locked against its end: who ends it meanwhile waits, and then finds the new job to release.
_LAST = (
    select(Job.id)
    .where(Job.session_id == bindparam("session"), Job.state.in_(_UNFINISHED))
    .order_by(Job.id.desc())
    .limit(1)
    .with_for_update(read=True)
)
_Before = aliased(Job)
# Whoever waited for it waits for what it waited for itself, had it not begun.
_RELEASE = (
    update(Job)
    .where(Job.after == bindparam("ended"), Job.state == constant(JobState.QUEUED))
    .values(after=select(_Before.after).where(_Before.id == bindparam("ended")).scalar_subquery())
    .returning(Job.version_id, Job.after)
)
_FORGOTTEN = (
    select(Job.id)
    .where(
        Job.after.is_not(None),
        Job.state == constant(JobState.QUEUED),
        ~exists().where(_Before.id == Job.after, _Before.state.in_(_UNFINISHED)),
    )
    .with_for_update(of=Job, key_share=True, skip_locked=True)
    .cte("forgotten")
)
_RELEASE_FORGOTTEN = (
    update(Job)
    .where(Job.id.in_(select(_FORGOTTEN.c.id)))
    .values(after=select(_Before.after).where(_Before.id == Job.after).correlate(Job).scalar_subquery())
    .returning(Job.id)
)
_UNENDED = select(func.count()).where(Job.session_id == bindparam("session"), Job.state.in_(_UNFINISHED))
_SINCE = select(ChatSession.since).where(ChatSession.id == bindparam("session")).scalar_subquery()
_SAID = (
    select(Job.input, Job.output)
    .where(
        Job.session_id == bindparam("session"),
        Job.id < bindparam("before"),
        Job.id > func.coalesce(_SINCE, UUID(int=0)),
        Job.state == constant(JobState.SUCCEEDED),
    )
    .order_by(Job.id.desc())
    .limit(bindparam("most"))
)
MOST_EXCHANGES = 100
_HOLD = (
    select(ChatSession.id)
    .where(
        ChatSession.tenant_id == bindparam("tenant"),
        ChatSession.deployment == any_(bindparam("deployments", type_=ARRAY(String))),
        ChatSession.name == any_(bindparam("names", type_=ARRAY(String))),
    )
    .order_by(ChatSession.id)
    .with_for_update()
)


def join(
    connection: Connection,
    tenant_id: UUID,
    deployment: str,
    name: str,
    *,
    draw: Callable[[UUID], Drawn],
    live: set[UUID],
) -> Place:
    """Begin the session or go on with it. Call it inside a transaction: the session is locked until its commit.

    `draw` gives a new one its version, by its id, and one that has ended. One whose version is no longer live goes on
    with another.
    """
    key = {"tenant_id": tenant_id, "deployment": deployment, "name": name}
    found = connection.execute(_LOCK, key).first()
    if found is None:
        session_id = uuid7()
        drawn = draw(session_id)
        begun = {"version_id": drawn.version.id, "rollout_id": drawn.rollout, "share": drawn.share}
        connection.execute(_OPEN, {**key, "id": session_id, **begun})
        found = connection.execute(_LOCK, key).one()
    last = connection.scalar(_LAST, {"session": found.id})
    if found.ended_at is not None:
        return _begin_anew(connection, found.id, last, draw(found.id))
    if found.version_id in live:
        before = _before(connection, found.moved_from, found.version_id)
        if found.moved_from is not None:
            connection.execute(_TOLD, {"session": found.id})
        return Place(found.id, found.version_id, last, found.rollout_id, found.share, before)
    version = draw(found.id).version.id
    connection.execute(_MOVE, {"session": found.id, "to_version": version})
    before = _before(connection, found.moved_from or found.version_id, version)
    return Place(found.id, version, last, moved_from=before)


def hold(connection: Connection, tenant_id: UUID, deployments: list[str], names: list[str]) -> None:
    """Before several are joined in one transaction: in the order of registry/locks.py, and not as they come."""
    connection.execute(_HOLD, {"tenant": tenant_id, "deployments": deployments, "names": names}).all()


def end(connection: Connection, tenant_id: UUID, deployment: str, name: str) -> bool:
    """The conversation is over: no version is kept for it. False: there is none of that name."""
    key = {"tenant": tenant_id, "of": deployment, "called": name}
    return connection.scalar(_END, key) is not None


def _begin_anew(connection: Connection, session_id: UUID, last: UUID | None, drawn: Drawn) -> Place:
    drawn_as = {"to_version": drawn.version.id, "drawn_in": drawn.rollout, "drawn_with": drawn.share}
    connection.execute(_BEGIN_ANEW, {"session": session_id, "from_now": uuid7(), **drawn_as})
    return Place(session_id, drawn.version.id, last, drawn.rollout, drawn.share)


def _before(connection: Connection, moved_from: UUID | None, version: UUID) -> str | None:
    if moved_from in (None, version):
        return None
    label: str | None = connection.scalar(_LABEL, {"version": moved_from})
    return label


def release(connection: Connection, job_id: UUID) -> UUID | None:
    """The job that waited for this one may be claimed, unless an earlier one still runs: whose version has work now."""
    found = connection.execute(_RELEASE, {"ended": job_id}).first()
    return found.version_id if found is not None and found.after is None else None


def release_forgotten(connection: Connection) -> int:
    """Those whose predecessor has ended while nobody told them; behind several that ended so it takes as many calls."""
    return len(connection.execute(_RELEASE_FORGOTTEN).all())


def unended(connection: Connection, session_id: UUID) -> int:
    """How many of its jobs have to end before another one begins."""
    return connection.scalars(_UNENDED, {"session": session_id}).one()


def history(connection: Connection, session_id: UUID, job_id: UUID) -> list[dict[str, Any]]:
    """The messages of the session before this job, oldest first."""
    rows = connection.execute(_SAID, {"session": session_id, "before": job_id, "most": MOST_EXCHANGES}).all()
    messages: list[dict[str, Any]] = []
    for given, output in reversed(rows):
        messages += as_messages(given)
        if isinstance(output, dict) and isinstance(output.get("text"), str):
            messages.append({"role": "assistant", "content": output["text"]})
    return messages


def forget(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without its oldest quarter; what is left begins with the user's words, as chat templates want it."""
    left = said[-(-len(said) // 4) :]
    while left and left[0]["role"] == "assistant":
        left = left[1:]
    return left


def after(said: list[dict[str, Any]], given: Any) -> dict[str, Any]:
    """The input that an engine is given: what was said, then this. `as_text` for versions that know no messages."""
    messages = said + as_messages(given)
    if not isinstance(given, str):
        return {"messages": messages}
    return {"messages": messages, "as_text": "\n".join(str(one["content"]) for one in messages)}


def as_messages(given: Any) -> list[dict[str, Any]]:
    """An input of text-generation as messages."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return list(given["messages"])
