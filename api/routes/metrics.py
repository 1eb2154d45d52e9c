"""For Prometheus: what the rows say, with what this process counts; and where the processes are.

No key on loopback; from elsewhere any will do.
"""

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy import Connection

from api.deps import TheBackends, Transacting
from api.rendering import Json
from mainspring.access import Caller
from mainspring.metrics.loopback import on_loopback
from mainspring.metrics.targets import Group, targets
from mainspring.tables import Database

router = APIRouter(tags=["health"])


async def _admitted(request: Request, transact: Transacting) -> None:
    peer = None if request.client is None else request.client.host
    if not on_loopback(peer, request.headers.get):
        await transact.plainly(_known)


def _known(_: Connection, __: Caller) -> None:
    """Whoever comes as far has a key."""


Admitted = Depends(_admitted)


@router.get("/metrics", dependencies=[Admitted])
async def metrics(backends: TheBackends) -> Response:
    """In Prometheus' text format. Of several processes at this address it is one that answers, with its own requests:
    `/metrics/targets` has the addresses of all."""
    of_rows = await backends.figures.text()
    return Response(of_rows + generate_latest(backends.shown), media_type=CONTENT_TYPE_PLAIN_0_0_4)


@router.get("/metrics/targets", dependencies=[Admitted], response_model=list[Group])
async def list_targets(backends: TheBackends) -> Response:
    """As Prometheus' HTTP service discovery reads it: the address of each process that counts something."""
    return Json(await to_thread.run_sync(_targets, backends.database, limiter=backends.limiter))


def _targets(database: Database) -> list[Group]:
    with database.each() as connection:
        return targets(connection)
