"""A deployment: the name that clients address, its one task, its policies."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from mainspring.tables.base import Base, one_of
from mainspring.terms import EngineName, Task


@dataclass(frozen=True)
class EngineWish:
    """The engine that a policy asks for. `url`: of a server that runs already, for `vllm` alone; else empty."""

    name: EngineName = EngineName.AUTO
    url: str = ""


class Deployment(Base):
    """`policy.queue_bound`: how many jobs may wait before producers are told to slow down.

    `policy.engine` and `policy.engine_url`: see EngineWish. `retired_at`: from then on it takes no new jobs.
    """

    __tablename__ = "deployments"
    __table_args__ = (
        CheckConstraint(one_of("task", Task), name="task"),
        CheckConstraint("name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'", name="name"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    task: Mapped[str]
    policy: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    retired_at: Mapped[datetime | None]


def queue_bound(policy: dict[str, Any]) -> int:
    """How many jobs may wait for a deployment of this policy."""
    return int(policy.get("queue_bound", 10_000))


def engine_wish(policy: dict[str, Any]) -> EngineWish:
    """What serves the versions of a deployment of this policy."""
    return EngineWish(EngineName(policy.get("engine", EngineName.AUTO)), policy.get("engine_url", ""))
