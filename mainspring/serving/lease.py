"""The lease of an incarnation. The database's clock alone decides, so that hosts need not agree on the time."""

import os
import socket
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from mainspring.identifiers import uuid7
from mainspring.settings import Environment
from mainspring.tables import Incarnation


def begin(
    session: Session, role: str, lease_seconds: float, environment: Environment = Environment.ALL
) -> UUID:
    """A new life for this process."""
    row = Incarnation(
        id=uuid7(),
        role=role,
        environment=environment.value,
        host=socket.gethostname(),
        pid=os.getpid(),
        lease_until=func.now() + timedelta(seconds=lease_seconds),
    )
    session.add(row)
    session.flush()
    return row.id


def renew(session: Session, incarnation: UUID, lease_seconds: float) -> bool:
    """False when the sweep has ended this life: whatever it held is now somebody else's."""
    renewed = session.execute(
        update(Incarnation)
        .where(Incarnation.id == incarnation, Incarnation.ended_at.is_(None))
        .values(lease_until=func.now() + timedelta(seconds=lease_seconds))
        .returning(Incarnation.id)
    )
    return renewed.first() is not None


def end(session: Session, incarnation: UUID) -> None:
    """The worker stops of its own will, holding nothing any more."""
    session.execute(
        update(Incarnation)
        .where(Incarnation.id == incarnation, Incarnation.ended_at.is_(None))
        .values(ended_at=func.now())
    )


def overdue(session: Session) -> list[UUID]:
    """Lives whose lease has run out, locked against a renewal that comes at the same moment."""
    return list(
        session.scalars(
            select(Incarnation.id)
            .where(Incarnation.ended_at.is_(None), Incarnation.lease_until < func.now())
            .with_for_update(skip_locked=True)
        )
    )
