"""Sets of prompts: stored once under a name, immutable, and read again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.errors import Conflict, UnknownPrompts
from mainspring.identifiers import uuid7
from mainspring.tables import Prompt, PromptSet


@dataclass(frozen=True)
class Given:
    """One prompt, as it is stored."""

    input: Any
    parameters: dict[str, Any]
    expected: str | None = None


def keep(session: Session, deployment: str, name: str, prompts: Sequence[Given]) -> tuple[PromptSet, bool]:
    """The set, and whether it is new. Raises Conflict if the name is taken by other prompts."""
    digest = digest_of(prompts)
    found = _find(session, deployment, name)
    if found is not None:
        if found.digest == digest:
            return found, False
        raise Conflict(
            f"`{name}` has other prompts",
            field="name",
            remedy="A set never changes, so that answers to it can be compared: give this one another name.",
        )
    made = PromptSet(id=uuid7(), deployment=deployment, name=name, digest=digest)
    session.add(made)
    session.flush()
    session.add_all(
        Prompt(
            id=uuid7(),
            set_id=made.id,
            position=position,
            input=one.input,
            parameters=one.parameters,
            expected=one.expected,
        )
        for position, one in enumerate(prompts)
    )
    session.flush()
    return made, True


def digest_of(prompts: Sequence[Given]) -> str:
    """SHA-256, in hexadecimal digits."""
    content = json.dumps([asdict(one) for one in prompts], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


def named(session: Session, deployment: str, name: str) -> PromptSet:
    """Raises UnknownPrompts."""
    found = _find(session, deployment, name)
    if found is None:
        raise UnknownPrompts(
            f"`{deployment}` has no prompts of the name `{name}`",
            field="prompts",
            remedy=f"mainspring prompts {deployment} lists them, and stores some.",
        )
    return found


def sets(session: Session, deployment: str) -> list[tuple[PromptSet, int]]:
    """Each with how many prompts it holds."""
    counted = (
        select(PromptSet, func.count(Prompt.id))
        .outerjoin(Prompt, Prompt.set_id == PromptSet.id)
        .where(PromptSet.deployment == deployment)
        .group_by(PromptSet.id)
        .order_by(PromptSet.name)
    )
    return [(row[0], row[1]) for row in session.execute(counted)]


def prompts_of(session: Session, found: PromptSet) -> list[Prompt]:
    """In their order."""
    return list(session.scalars(select(Prompt).where(Prompt.set_id == found.id).order_by(Prompt.position)))


def _find(session: Session, deployment: str, name: str) -> PromptSet | None:
    return session.scalar(select(PromptSet).where(PromptSet.deployment == deployment, PromptSet.name == name))
