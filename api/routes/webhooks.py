"""Webhooks from the receiver's side: the secret to verify with, and the log of what was sent."""

from functools import partial

from fastapi import APIRouter, Response, Security
from sqlalchemy import Connection, bindparam, select
from typing_extensions import TypedDict

from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from mainspring.access import JOBS, Caller
from mainspring.serving.views import moment, optional_moment
from mainspring.settings import Settings
from mainspring.signing import webhook_secret
from mainspring.tables import Delivery, DeliveryTry, Job

MOST = 100
_DELIVERIES = (
    select(*Delivery.__table__.c)
    .join(Job, Job.id == Delivery.job_id)
    .where(Job.tenant_id == bindparam("tenant"))
    .order_by(Delivery.id.desc())
    .limit(MOST)
)
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
    """`next_at` is null once it is delivered or abandoned."""

    id: str
    job: str
    url: str
    state: str
    next_at: str | None
    created_at: str
    tries: list[TryView]


class Deliveries(TypedDict):
    deliveries: list[DeliveryView]


@router.get("/secret", response_model=SecretView)
async def secret(backends: TheBackends, transact: Transacting) -> Response:
    """What your receivers verify our signatures with."""
    return Json(await transact.plainly(partial(_secret, settings=backends.settings)))


@router.get("/deliveries", response_model=Deliveries)
async def deliveries(transact: Transacting) -> Response:
    """Your latest deliveries and each of their tries, newest first."""
    return Json(await transact.plainly(_log))


def _secret(_: Connection, caller: Caller, settings: Settings) -> SecretView:
    caller.require(JOBS)
    return {"secret": webhook_secret(settings, caller.tenant_id)}


def _log(connection: Connection, caller: Caller) -> Deliveries:
    caller.require(JOBS)
    rows = connection.execute(_DELIVERIES, {"tenant": caller.tenant_id}).all()
    tries: dict[object, list[TryView]] = {}
    for one in connection.execute(_TRIES, {"deliveries": [row.id for row in rows]}):
        tries.setdefault(one.delivery_id, []).append(
            {
                "number": one.number,
                "at": moment(one.at),
                "status": one.status,
                "problem": one.problem,
                "seconds": one.seconds,
            }
        )
    return {
        "deliveries": [
            {
                "id": str(row.id),
                "job": str(row.job_id),
                "url": row.url,
                "state": row.state,
                "next_at": optional_moment(row.next_at) if row.state == "waiting" else None,
                "created_at": moment(row.created_at),
                "tries": tries.get(row.id, []),
            }
            for row in rows
        ]
    }
