"""Conversations: the end of one."""

from functools import partial

from fastapi import APIRouter, Response, Security
from sqlalchemy import Connection
from typing_extensions import TypedDict

from api.deps import BEARER, Transacting
from api.rendering import Json
from mainspring.access import Caller
from mainspring.errors import UnknownSession
from mainspring.serving import conversation
from mainspring.terms import JOBS

router = APIRouter(prefix="/v1/deployments", tags=["sessions"], dependencies=[Security(BEARER)])


class EndedView(TypedDict):
    deployment: str
    session: str
    ended: bool


@router.delete("/{name}/sessions/{session:path}", response_model=EndedView)
async def end(name: str, session: str, transact: Transacting) -> Response:
    """It is over: no version is kept for it any more, and under its name another one may begin."""
    return Json(await transact.plainly(partial(_end, name=name, session=session)))


def _end(connection: Connection, caller: Caller, name: str, session: str) -> EndedView:
    caller.require(JOBS)
    if not conversation.end(connection, caller.tenant_id, name, session):
        raise UnknownSession(
            f"you have no conversation of that name with `{name[:63]}`",
            field="session",
            remedy="Name it as in the jobs that belong to it: GET /v1/jobs?session=NAME lists them.",
        )
    return {"deployment": name, "session": session, "ended": True}
