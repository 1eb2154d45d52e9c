"""API keys and tenants: make, list, rotate, revoke; weights and bounds.

`admin` governs the keys of its own tenant; that of the tenant `default`, the operator's, all tenants and their keys.
"""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from api import body
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.routes.jobs import to_uuid
from api.takes import takes
from mainspring import tenancy
from mainspring.access import Caller, make_key
from mainspring.serving.views import moment
from mainspring.tables import ApiKey, Tenant
from mainspring.terms import ADMIN, JOBS, METRICS

router = APIRouter(prefix="/v1", tags=["access"], dependencies=[Security(BEARER)])
Name = Annotated[str, Field(min_length=1, max_length=128)]


class NewKey(BaseModel):
    """`tenant`: the caller's own unless the operator names another, which is made if it is new."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name
    scopes: Annotated[
        list[Annotated[str, Field(pattern=f"^({JOBS}|{ADMIN}|{METRICS})$")]], Field(min_length=1)
    ] = [JOBS]
    tenant: Name | None = None


class Rotation(BaseModel):
    """The old key works for another `overlap_seconds`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    overlap_seconds: Annotated[int, Field(ge=0, le=90 * 86400)] = 86400


class Bounds(BaseModel):
    """`weight`: the tenant's share of a busy version; null takes a bound away."""

    model_config = ConfigDict(extra="forbid", strict=True)

    weight: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0
    queue_bound: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    running_bound: Annotated[int, Field(ge=1, le=100_000)] | None = None
    per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class KeyView(TypedDict):
    id: str
    tenant: str
    name: str
    prefix: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None


class Keys(TypedDict):
    keys: list[KeyView]


class Secret(TypedDict):
    """The one time that the key is shown."""

    key: str


class TenantView(TypedDict):
    name: str
    weight: float
    queue_bound: int | None
    running_bound: int | None
    per_minute: int | None


class Tenants(TypedDict):
    tenants: list[TenantView]


@router.post("/keys", status_code=201, response_model=Secret, openapi_extra=takes(NewKey))
async def make(request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """A new key. It is shown this once; only its hash is kept."""
    given = await body.read(request, backends.settings.max_body_bytes, NewKey)

    def work(session: Session, caller: Caller) -> Secret:
        caller.require(ADMIN)
        tenant = given.tenant or caller.tenant
        if tenant != caller.tenant:
            caller.require_operator()
        key = make_key(session, tenant, name=given.name, scopes=given.scopes, actor=str(caller.key_id))
        return {"key": key}

    return Json(await transact(work), 201)


@router.get("/keys", response_model=Keys)
async def list_keys(
    transact: Transacting,
    tenant: Annotated[
        str | None, Query(max_length=128, description="Another tenant, for the operator.")
    ] = None,
) -> Response:
    """Your tenant's, newest first, without their secrets."""

    def work(session: Session, caller: Caller) -> Keys:
        caller.require(ADMIN)
        wanted = caller.tenant if tenant is None else tenant
        if wanted != caller.tenant:
            caller.require_operator()
        found = tenancy.keys_of(session, tenancy.tenant_named(session, wanted).id)
        return {"keys": [_key_view(key, wanted) for key in found]}

    return Json(await transact(work))


@router.post("/keys/{key_id}/rotate", status_code=201, response_model=Secret, openapi_extra=takes(Rotation))
async def rotate(key_id: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """A new key in its place; the old one works on for a while, if it works now, and never longer than it would."""
    given = await body.read(request, backends.settings.max_body_bytes, Rotation)

    def work(session: Session, caller: Caller) -> Secret:
        caller.require(ADMIN)
        overlap = timedelta(seconds=given.overlap_seconds)
        found = to_uuid(key_id, tenancy.unknown_key)
        key = tenancy.rotate_key(
            session, found, within=_governed(caller), overlap=overlap, actor=str(caller.key_id)
        )
        return {"key": key}

    return Json(await transact(work), 201)


@router.delete("/keys/{key_id}", status_code=204)
async def revoke(key_id: str, transact: Transacting) -> Response:
    """It works no more, from the next request on."""

    def work(session: Session, caller: Caller) -> None:
        caller.require(ADMIN)
        found = to_uuid(key_id, tenancy.unknown_key)
        tenancy.revoke_key(session, found, within=_governed(caller), actor=str(caller.key_id))

    await transact(work)
    return Response(status_code=204)


@router.get("/tenants", response_model=Tenants)
async def list_tenants(transact: Transacting) -> Response:
    """All of them with their bounds, by name; your own alone, unless you are the operator."""

    def work(session: Session, caller: Caller) -> Tenants:
        caller.require(ADMIN)
        found = tenancy.tenants_of(session, within=_governed(caller))
        return {"tenants": [_tenant_view(tenant) for tenant in found]}

    return Json(await transact(work))


@router.put("/tenants/{name:path}", response_model=TenantView, openapi_extra=takes(Bounds))
async def bound(
    name: Annotated[str, Path(min_length=1, max_length=128)],
    request: Request,
    backends: TheBackends,
    transact: Transacting,
) -> Response:
    """Make a tenant, or set its weight and bounds: what is left out has its default. For the operator."""
    given = await body.read(request, backends.settings.max_body_bytes, Bounds)

    def work(session: Session, caller: Caller) -> TenantView:
        caller.require_operator()
        changes: dict[str, Any] = given.model_dump()
        return _tenant_view(tenancy.bound_tenant(session, name, changes, actor=str(caller.key_id)))

    return Json(await transact(work))


def _governed(caller: Caller) -> UUID | None:
    """Whose keys and bounds it may see: its own tenant's, or everybody's (None)."""
    return None if caller.operator else caller.tenant_id


def _key_view(key: ApiKey, tenant: str) -> KeyView:
    return {
        "id": str(key.id),
        "tenant": tenant,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": key.scopes,
        "created_at": moment(key.created_at),
        "expires_at": None if key.expires_at is None else moment(key.expires_at),
        "revoked_at": None if key.revoked_at is None else moment(key.revoked_at),
    }


def _tenant_view(tenant: Tenant) -> TenantView:
    return {
        "name": tenant.name,
        "weight": tenant.weight,
        "queue_bound": tenant.queue_bound,
        "running_bound": tenant.running_bound,
        "per_minute": tenant.per_minute,
    }
