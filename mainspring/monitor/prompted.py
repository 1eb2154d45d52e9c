"""A reference of prompts is asked for in a row at once, and made later, since the frozen encoder reads them: making.py."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.errors import Conflict, InvalidRequest, MainspringError, UnknownPrompts
from mainspring.identifiers import uuid7
from mainspring.monitor.detectors import LEAST
from mainspring.observe import texts
from mainspring.tables import Event, Making, Prompt, PromptSet, ReferenceRequest, Version
from mainspring.trials.prompts import named, prompts_of

ACTOR = "monitor"


def ask(
    session: Session, version: Version, prompts: PromptSet, *, actor: str, reason: str
) -> ReferenceRequest:
    """Raises InvalidRequest for prompts that make no reference, Conflict while another is being made."""
    given = prompts_of(session, prompts)
    _check(prompts, given)
    asked = _asked(session, version, prompts, len(given), actor=actor, reason=reason)
    if asked is None:
        raise Conflict(
            f"a reference of {version.label} is being made",
            remedy="Wait until it is there, which takes seconds, and ask again.",
        )
    return asked


def begin(session: Session, version: Version, name: str) -> bool:
    """Once for a version and a set that its policy names: whether a reference of it is coming.

    If none can be made of it, that is in the row and an event, and traffic says what is normal.
    """
    asked = session.scalar(
        select(ReferenceRequest)
        .join(PromptSet, PromptSet.id == ReferenceRequest.set_id)
        .where(ReferenceRequest.version_id == version.id, PromptSet.name == name)
        .order_by(ReferenceRequest.created_at.desc())
        .limit(1)
    )
    if asked is None and latest(session, version.id, Making.WAITING) is None:
        try:
            prompts = named(session, version.deployment, name)
        except UnknownPrompts:  # the policy was declared by hand
            return False
        given, reason = prompts_of(session, prompts), f"the prompts `{name}`, by its policy"
        asked = _asked(session, version, prompts, len(given), actor=ACTOR, reason=reason)
        try:
            _check(prompts, given)
        except MainspringError as error:
            if asked is not None:
                fail(session, asked, version, error)
    return latest(session, version.id, Making.WAITING) is not None


def latest(session: Session, version: UUID, state: Making | None = None) -> ReferenceRequest | None:
    """The newest of a version, in that state or in any."""
    return session.scalar(
        select(ReferenceRequest)
        .where(ReferenceRequest.version_id == version)
        .where(*([] if state is None else [ReferenceRequest.state == state.value]))
        .order_by(ReferenceRequest.created_at.desc(), ReferenceRequest.id.desc())
        .limit(1)
    )


def fail(session: Session, asked: ReferenceRequest, version: Version, error: MainspringError) -> None:
    """For good: the row keeps why."""
    asked.state, asked.ended_at, asked.error = Making.FAILED.value, func.now(), error.as_json()
    session.add(
        Event(
            kind="reference.failed",
            about=version.label,
            actor=ACTOR,
            reason=error.detail,
            inputs={"request": str(asked.id)},
        )
    )
    session.flush()


def _check(prompts: PromptSet, given: Sequence[Prompt]) -> None:
    different = {texts.asked(one.input) for one in given}
    if len(different) < LEAST:
        raise InvalidRequest(
            f"`{prompts.name}` has {len(different)} different prompts, and a reference takes {LEAST}",
            field="prompts",
            remedy="Give more of what the version was evaluated on: a few hundred say well what is normal.",
        )


def _asked(
    session: Session, version: Version, prompts: PromptSet, count: int, *, actor: str, reason: str
) -> ReferenceRequest | None:
    """None: one is being made already."""
    row = {
        "id": uuid7(),
        "version_id": version.id,
        "set_id": prompts.id,
        "prompts": count,
        "asked_by": actor,
        "reason": reason,
    }
    made = session.scalar(
        insert(ReferenceRequest).values(row).on_conflict_do_nothing().returning(ReferenceRequest.id)
    )
    if made is None:
        return None
    inputs = {"request": str(made), "prompts": prompts.name, "digest": prompts.digest}
    session.add(Event(kind="reference.asked", about=version.label, actor=actor, reason=reason, inputs=inputs))
    return session.get_one(ReferenceRequest, made)
