"""What is normal for a version, and what is being made to say it, as people and programs are told it."""

from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from mainspring.tables import PromptSet, Reference, ReferenceRequest, Version


class ReferenceView(TypedDict):
    """`size`: requests, or prompts. `digest`: of its content, which nobody can change.

    `origin`: `traffic`, or `prompts` and the name of their set; `origins`: of each feature, where they differ.
    `awaits_traffic`: of the features that prompts don't tell, until there are enough answers.
    """

    id: str
    origin: str
    origins: dict[str, str]
    awaits_traffic: bool
    size: int
    digest: str
    made_at: str
    made_by: str
    reason: str


class ReferenceRequestView(TypedDict):
    """A reference of `prompts`, the name of their set. `state`: waiting, made or failed, with its `error`.

    `read`: of the `wanted` prompts, by the frozen encoder so far. `reference`: the id of what was made.
    """

    id: str
    version: str
    prompts: str
    state: str
    read: int
    wanted: int
    error: dict[str, Any] | None
    reference: str | None
    asked_by: str
    reason: str
    created_at: str


def reference_view(made: Reference) -> ReferenceView:
    return {
        "id": str(made.id),
        "origin": made.origin,
        "origins": made.origins,
        "awaits_traffic": made.awaits_traffic,
        "size": made.size,
        "digest": made.digest,
        "made_at": made.made_at.isoformat(),
        "made_by": made.made_by,
        "reason": made.reason,
    }


def request_of_reference_view(session: Session, asked: ReferenceRequest) -> ReferenceRequestView:
    return {
        "id": str(asked.id),
        "version": session.get_one(Version, asked.version_id).label,
        "prompts": session.get_one(PromptSet, asked.set_id).name,
        "state": asked.state,
        "read": asked.read,
        "wanted": asked.prompts,
        "error": asked.error,
        "reference": None if asked.reference_id is None else str(asked.reference_id),
        "asked_by": asked.asked_by,
        "reason": asked.reason,
        "created_at": asked.created_at.isoformat(),
    }
