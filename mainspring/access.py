"""API keys and tenants. A key is 256 random bits behind a readable prefix; only its SHA-256 is stored.

A plain hash is enough for a secret that cannot be guessed; slow hashes are for passwords.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.errors import Forbidden, Unauthenticated
from mainspring.identifiers import uuid7
from mainspring.tables import ApiKey, Event, Tenant
from mainspring.terms import ADMIN, JOBS

OPERATORS = "default"  # the tenant whose ADMIN governs the installation, see docs/decisions/0027
# Built once: every request asks it.
_KEY = (
    select(
        ApiKey.id,
        ApiKey.tenant_id,
        ApiKey.hash,
        ApiKey.scopes,
        Tenant.weight,
        Tenant.queue_bound,
        Tenant.per_minute,
        Tenant.name,
    )
    .join_from(ApiKey, Tenant, Tenant.id == ApiKey.tenant_id)
    .where(
        ApiKey.prefix == bindparam("prefix"),
        ApiKey.revoked_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
    )
)
_REMEDY = "Send `Authorization: Bearer <key>`; `mainspring key` prints the embedded stack's."


@dataclass(frozen=True)
class Caller:
    """Who asks, for the length of a request, and what its tenant may."""

    tenant_id: UUID
    key_id: UUID
    scopes: frozenset[str]
    weight: float = 1.0
    queue_bound: int | None = None
    per_minute: int | None = None
    tenant: str = ""

    def require(self, scope: str) -> None:
        if scope not in self.scopes:
            raise Forbidden(f"this key lacks the scope `{scope}`", remedy="Use a key that has it.")

    @property
    def operator(self) -> bool:
        """Whether it governs the installation: all tenants, their keys and bounds, and the log of events."""
        return ADMIN in self.scopes and self.tenant == OPERATORS

    def require_operator(self) -> None:
        self.require(ADMIN)
        if not self.operator:
            raise Forbidden(
                "this key governs its own tenant alone",
                remedy=f"Use a key of the tenant `{OPERATORS}` that has the scope `{ADMIN}`.",
            )


def make_key(session: Session, tenant_name: str, *, name: str, scopes: list[str], actor: str) -> str:
    """Store a new key of a tenant (made if it is new) and return the one copy of its secret."""
    tenant = ensured_tenant(session, tenant_name)
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    key = f"ms_{prefix}_{secret}"
    row = ApiKey(id=uuid7(), tenant_id=tenant.id, name=name, prefix=prefix, hash=_digest(key), scopes=scopes)
    session.add(row)
    session.add(Event(kind="key.made", about=str(row.id), actor=actor, reason=f"{name} for {tenant_name}"))
    session.flush()
    return key


def ensured_tenant(session: Session, name: str) -> Tenant:
    """Made if it is new. Two that make it at once get the same one."""
    session.execute(insert(Tenant).values(id=uuid7(), name=name).on_conflict_do_nothing())
    return session.scalars(select(Tenant).where(Tenant.name == name)).one()


def first_key(session: Session) -> str:
    """The key of a fresh stack: every scope, and the operator's."""
    return make_key(session, OPERATORS, name="first key", scopes=[JOBS, ADMIN], actor="system")


def identify(connection: Connection, authorization: str | None) -> Caller:
    """Whose key this `Authorization` header carries. Raises Unauthenticated."""
    scheme, _, key = (authorization or "").partition(" ")
    parts = key.strip().split("_", 2)
    if scheme.lower() != "bearer" or len(parts) != 3:
        raise Unauthenticated("the request carries no API key", field="Authorization", remedy=_REMEDY)
    row = connection.execute(_KEY, {"prefix": parts[1]}).first()
    # compare_digest also when there is no row: the time must not tell which prefixes exist.
    known = row.hash if row is not None else b"\0" * 32
    if not hmac.compare_digest(known, _digest(key.strip())) or row is None:
        raise Unauthenticated(
            "the API key is not known, was revoked or has expired", field="Authorization", remedy=_REMEDY
        )
    scopes = frozenset(row.scopes)
    return Caller(row.tenant_id, row.id, scopes, row.weight, row.queue_bound, row.per_minute, row.name)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
