"""Tenants and their keys over time: bounds and weights, rotation with overlap, revocation. Each change is an event."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.access import make_key
from mainspring.errors import NotFound
from mainspring.identifiers import uuid7
from mainspring.tables import ApiKey, Event, Tenant


def keys_of(session: Session, tenant_id: UUID) -> Sequence[ApiKey]:
    """Newest first, also those that are over."""
    return session.scalars(
        select(ApiKey).where(ApiKey.tenant_id == tenant_id).order_by(ApiKey.id.desc())
    ).all()


def rotate_key(session: Session, tenant_id: UUID, key_id: UUID, *, overlap: timedelta, actor: str) -> str:
    """A new key with the old one's name and scopes; the old one works until the overlap is over. Raises NotFound."""
    old = _key(session, tenant_id, key_id)
    tenant = session.get_one(Tenant, tenant_id)
    secret = make_key(session, tenant.name, name=old.name, scopes=old.scopes, actor=actor)
    old.expires_at = func.now() + overlap
    session.add(
        Event(
            kind="key.rotated",
            about=str(old.id),
            actor=actor,
            reason=f"replaced; works for another {overlap.total_seconds():.0f} s",
        )
    )
    session.flush()
    return secret


def revoke_key(session: Session, tenant_id: UUID, key_id: UUID, *, actor: str) -> None:
    """At once, and for ever. Raises NotFound."""
    key = _key(session, tenant_id, key_id)
    if key.revoked_at is None:
        key.revoked_at = func.now()
        session.add(Event(kind="key.revoked", about=str(key.id), actor=actor, reason=key.name))
    session.flush()


def bound_tenant(session: Session, name: str, changes: dict[str, Any], *, actor: str) -> Tenant:
    """Set weight and bounds of a tenant, made if it is new. `changes` holds columns of Tenant."""
    tenant = session.scalar(select(Tenant).where(Tenant.name == name))
    if tenant is None:
        tenant = Tenant(id=uuid7(), name=name)
        session.add(tenant)
    for column, value in changes.items():
        setattr(tenant, column, value)
    session.flush()
    session.add(Event(kind="tenant.bounded", about=str(tenant.id), actor=actor, reason=name, inputs=changes))
    session.flush()
    return tenant


def _key(session: Session, tenant_id: UUID, key_id: UUID) -> ApiKey:
    key = session.scalar(select(ApiKey).where(ApiKey.id == key_id, ApiKey.tenant_id == tenant_id))
    if key is None:
        raise unknown_key()
    return key


def unknown_key() -> NotFound:
    return NotFound("no key of yours has that id", field="id", remedy="GET /v1/keys lists them.")
