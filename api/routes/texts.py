"""What was asked and answered, where a policy keeps it: how much there is, and that of one job. Reading it is an event."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, Security
from sqlalchemy.orm import Session

from api import declared
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from mainspring.access import Caller
from mainspring.errors import UnknownJob
from mainspring.kept.keys import keys_at_hand
from mainspring.kept.reading import Reader, StateView, TextView, read_one, state
from mainspring.terms import ADMIN

router = APIRouter(prefix="/v1/deployments", tags=["texts"], dependencies=[Security(BEARER)])
Reason = Annotated[str, Query(description="Why it is read, for the log of events.", max_length=1000)]


def reader(caller: Caller, reason: str) -> Reader:
    """The operator may read those of all tenants, another tenant's admin its own. Raises Forbidden."""
    caller.require(ADMIN)
    return Reader(None if caller.operator else caller.tenant_id, f"key {caller.key_id}", reason)


@router.get("/{name}/texts", response_model=StateView)
async def count(name: str, backends: TheBackends, transact: Transacting) -> Response:
    """How many are kept, for how long, and what stands in the way. No text."""

    def work(session: Session, caller: Caller) -> StateView:
        caller.require(ADMIN)
        return state(session, declared.find(session, name), keys_at_hand(backends.settings))

    return Json(await transact(work))


@router.get("/{name}/texts/{job}", response_model=TextView)
async def look(
    name: str, job: str, backends: TheBackends, transact: Transacting, reason: Reason = "asked for"
) -> Response:
    """What was asked and answered in that job, if it was kept. Who has read it, and why, is then in the log of events."""

    def work(session: Session, caller: Caller) -> TextView:
        who, deployment = reader(caller, reason), declared.find(session, name)
        return read_one(session, deployment, keys_at_hand(backends.settings), _id(job), who)

    return Json(await transact(work))


def _id(job: str) -> UUID:
    try:
        return UUID(job)
    except ValueError:
        raise UnknownJob("a job's id is a UUID", field="job") from None
