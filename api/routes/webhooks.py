"""Webhooks from the receiver's side: the secret to verify with, and the log of what was sent."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response, Security
from sqlalchemy import Connection, Row, bindparam, select
from typing_extensions import TypedDict

from api.deps import BEARER, TheBackends, Transacting
from api.paging import Cursor, Limit, earlier_than, page_length, parsed_id, read_page, refuse_unknown_state
from api.rendering import Json
from mainspring.access import Caller
from mainspring.serving.views import moment, optional_moment
from mainspring.settings import Settings
from mainspring.signing import webhook_secret
from mainspring.tables import Delivery, DeliveryState, DeliveryTry
from mainspring.terms import JOBS

_PAGE = (
    select(*Delivery.__table__.c)
    .where(Delivery.tenant_id == bindparam("tenant"), Delivery.id < bindparam("before"))
    .order_by(Delivery.id.desc())
    .limit(bindparam("most"))
)
_COLUMNS: dict[str, Any] = {"state": Delivery.state, "job": Delivery.job_id}
_TRIES = (
    select(*DeliveryTry.__table__.c)
    .where(DeliveryTry.delivery_id.in_(bindparam("deliveries", expanding=True)))
    .order_by(DeliveryTry.delivery_id, DeliveryTry.number)
)

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], dependencies=[Security(BEARER)])


class SecretView(TypedDict):
    """For the `standardwebhooks` packages, in any language."""

    secret: str


class TryView(TypedDict):
    """`status` is what the receiver answered; `problem` is why there was no answer."""

    number: int
    at: str
    status: int | None
    problem: str | None
    seconds: float


class DeliveryView(TypedDict):
    """`next_at` is null until its job has ended, and once it is delivered or abandoned."""

    id: str
    job: str
    url: str
    state: str
    next_at: str | None
    created_at: str
    tries: list[TryView]


class Deliveries(TypedDict):
    """`next_cursor` is null on the last page."""

    deliveries: list[DeliveryView]
    next_cursor: str | None


@router.get("/secret", response_model=SecretView)
async def secret(backends: TheBackends, transact: Transacting) -> Response:
    """What your receivers verify our signatures with."""
    return Json(await transact.plainly(partial(_secret, settings=backends.settings)))


@router.get("/deliveries", response_model=Deliveries)
async def deliveries(
    transact: Transacting,
    *,
    state: str | None = None,
    job: str | None = None,
    cursor: Cursor = "",
    limit: Limit = "50",
) -> Response:
    """Your deliveries and each of their tries, newest first."""
    refuse_unknown_state(state, DeliveryState)
    wanted = {"state": state, "job": None if job is None else _job_id(job)}
    page = partial(listed, wanted=wanted, before=earlier_than(cursor), most=page_length(limit))
    return Json(await transact.plainly(page))


def _secret(_: Connection, caller: Caller, settings: Settings) -> SecretView:
    caller.require(JOBS)
    return {"secret": webhook_secret(settings, caller.tenant_id)}


def listed(
    connection: Connection, caller: Caller, wanted: dict[str, Any], before: UUID, most: int
) -> Deliveries:
    """A page of the caller's, of those that are `wanted`: by state, by job."""
    caller.require(JOBS)
    rows, more = read_page(
        connection, _PAGE, _COLUMNS, wanted, tenant=caller.tenant_id, before=before, most=most
    )
    tries: dict[UUID, list[TryView]] = {row.id: [] for row in rows}
    for one in connection.execute(_TRIES, {"deliveries": list(tries)}):
        tries[one.delivery_id].append(_try_view(one))
    shown = [_view(row, tries[row.id]) for row in rows]
    return {"deliveries": shown, "next_cursor": shown[-1]["id"] if more else None}


def _view(row: Row[Any], tries: list[TryView]) -> DeliveryView:
    return {
        "id": str(row.id),
        "job": str(row.job_id),
        "url": row.url,
        "state": row.state,
        "next_at": optional_moment(row.next_at) if row.state == DeliveryState.WAITING else None,
        "created_at": moment(row.created_at),
        "tries": tries,
    }


def _try_view(one: Row[Any]) -> TryView:
    return {
        "number": one.number,
        "at": moment(one.at),
        "status": one.status,
        "problem": one.problem,
        "seconds": one.seconds,
    }


def _job_id(given: str) -> UUID:
    return parsed_id(given, "the id of a job", field="job", remedy="POST /v1/jobs answers with the id.")
