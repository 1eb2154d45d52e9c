"""What a producer hands in, and what it is given for it."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from mainspring.serving.throughput import Wait
from mainspring.tables import JobState, Priority
from mainspring.tracecontext import TraceContext


@dataclass(frozen=True)
class Submission:
    """What a producer asks for, before it is validated. `deadline_seconds` count from acceptance.

    `deployment`: a name, or a version of it that is meant and no other, such as `assistant@3`. `trace`: where its spans
    belong, which is no part of what is asked.
    """

    deployment: str
    input: Any
    parameters: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    priority: Priority = Priority.NORMAL
    deadline_seconds: float | None = None
    session: str | None = None
    subject: str | None = None
    webhook: str | None = None
    trace: TraceContext | None = None

    @property
    def name(self) -> str:
        """Of the deployment, without a version."""
        return self.deployment.partition("@")[0]

    @property
    def pin(self) -> str | None:
        """The number of the version that is meant, as it was written; None: whichever answers."""
        _, at, number = self.deployment.partition("@")
        return number if at else None

    @property
    def digest(self) -> bytes:
        """Tells whether a repeated Idempotency-Key came with the same body."""
        body = [self.deployment, self.input, self.parameters, self.metadata]
        more = [self.priority, self.deadline_seconds, self.session, self.subject, self.webhook]
        if more != [Priority.NORMAL, None, None, None, None]:
            body.append(more)
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()

    @property
    def plain(self) -> bool:
        """Whether its acceptance is one row that cannot be there already."""
        return self.idempotency_key is None and not self.grouped

    @property
    def grouped(self) -> bool:
        """Whether its acceptance is more than one row, and needs a transaction around it."""
        return self.session is not None or self.webhook is not None


@dataclass(frozen=True)
class Leaving:
    """A version that answers its pinned clients and its conversations alone, and until when at most."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Receipt:
    """`wait` is None for a job that waits no more; `fresh` is false for one that its idempotency key made before.

    `leaving`: None for a version that stays. `moved_from`: the version that the conversation had to leave, if it did.
    """

    job_id: UUID
    state: JobState
    created_at: datetime
    deployment: str
    version_id: UUID
    number: int
    wait: Wait | None
    fresh: bool
    leaving: Leaving | None = None
    moved_from: str | None = None

    @property
    def version(self) -> str:
        """As clients see it: `assistant@7`."""
        return f"{self.deployment}@{self.number}"
