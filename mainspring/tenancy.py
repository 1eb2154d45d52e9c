"""Tenants and their keys over time: bounds and weights, rotation with overlap, revocation. Each change is an event.

`within`: the tenant whose keys the caller governs; None is the operator, who governs all.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring.access import ensured_tenant, make_key
from mainspring.errors import Conflict, NotFound
from mainspring.tables import ApiKey, Event, Tenant

_ANEW = "Make a new one: POST /v1/keys, or mainspring keys make."


def tenants_of(session: Session, *, within: UUID | None) -> Sequence[Tenant]:
    """By name."""
    asked = select(Tenant).order_by(Tenant.name)
    return session.scalars(asked if within is None else asked.where(Tenant.id == within)).all()


def tenant_named(session: Session, name: str) -> Tenant:
    """Raises NotFound."""
    tenant = session.scalar(select(Tenant).where(Tenant.name == name))
    if tenant is None:
        raise NotFound(
            "no tenant has that name",
            field="tenant",
            remedy="GET /v1/tenants lists them; a key or bounds for a new one make it.",
        )
    return tenant


def keys_of(session: Session, tenant_id: UUID) -> Sequence[ApiKey]:
    """Newest first, also those that are over."""
    return session.scalars(
        select(ApiKey).where(ApiKey.tenant_id == tenant_id).order_by(ApiKey.id.desc())
    ).all()


def rotate_key(session: Session, key_id: UUID, *, within: UUID | None, overlap: timedelta, actor: str) -> str:
    """A new key with the old one's name and scopes; the old one works until the overlap or its own time is over.

    Raises NotFound, and Conflict for a key that is over: nothing brings one back.
    """
    old = _key(session, key_id, within)
    _refuse_over(session, old)
    tenant = session.get_one(Tenant, old.tenant_id)
    secret = make_key(session, tenant.name, name=old.name, scopes=old.scopes, actor=actor)
    # It ignores null; what is set already is never put off.
    old.expires_at = func.least(ApiKey.expires_at, func.now() + overlap)
    session.flush()
    assert old.expires_at is not None
    session.add(
        Event(
            kind="key.rotated",
            about=str(old.id),
            actor=actor,
            reason=f"replaced; works until {_utc(old.expires_at)}",
        )
    )
    session.flush()
    return secret


def revoke_key(session: Session, key_id: UUID, *, within: UUID | None, actor: str) -> None:
    """At once, and for ever. Raises NotFound."""
    key = _key(session, key_id, within)
    if key.revoked_at is None:
        key.revoked_at = func.now()
        session.add(Event(kind="key.revoked", about=str(key.id), actor=actor, reason=key.name))
    session.flush()


def bound_tenant(session: Session, name: str, changes: dict[str, Any], *, actor: str) -> Tenant:
    """Set weight and bounds of a tenant, made if it is new. `changes` holds columns of Tenant."""
    tenant = ensured_tenant(session, name)
    for column, value in changes.items():
        setattr(tenant, column, value)
    session.add(Event(kind="tenant.bounded", about=str(tenant.id), actor=actor, reason=name, inputs=changes))
    session.flush()
    return tenant


def _key(session: Session, key_id: UUID, within: UUID | None) -> ApiKey:
    """Locked until the end of the transaction: who rotates and who revokes take turns."""
    asked = select(ApiKey).where(ApiKey.id == key_id).with_for_update()
    key = session.scalar(asked if within is None else asked.where(ApiKey.tenant_id == within))
    if key is None:
        raise unknown_key()
    return key


def _refuse_over(session: Session, key: ApiKey) -> None:
    if key.revoked_at is not None:
        raise Conflict(f"this key was revoked at {_utc(key.revoked_at)}", field="id", remedy=_ANEW)
    if key.expires_at is not None and key.expires_at <= session.scalars(select(func.clock_timestamp())).one():
        raise Conflict(f"this key has expired at {_utc(key.expires_at)}", field="id", remedy=_ANEW)


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def unknown_key() -> NotFound:
    return NotFound("no key of yours has that id", field="id", remedy="GET /v1/keys lists them.")
