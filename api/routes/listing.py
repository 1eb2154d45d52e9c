"""List jobs, newest first, page by page."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response, Security
from sqlalchemy import Connection, bindparam, select
from typing_extensions import TypedDict

from api.deps import BEARER, Transacting
from api.paging import Cursor, Limit, earlier_than, page_length, read_page, refuse_unknown_state
from api.rendering import Json
from mainspring.access import Caller
from mainspring.errors import InvalidRequest
from mainspring.serving.views import LISTED, JobView, job_view
from mainspring.tables import ChatSession, Job, JobState, Version
from mainspring.terms import JOBS

_PAGE = (
    select(*LISTED)
    .join(Version, Version.id == Job.version_id)
    .outerjoin(ChatSession, ChatSession.id == Job.session_id)
    .where(Job.tenant_id == bindparam("tenant"), Job.id < bindparam("before"))
    .order_by(Job.id.desc())
    .limit(bindparam("most"))
)
_COLUMNS: dict[str, Any] = {
    "deployment": Job.deployment,
    "state": Job.state,
    "session": ChatSession.name,
    "version": Job.deployment,  # a version has a name and a number
    "number": Version.number,
}

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Security(BEARER)])


class JobPage(TypedDict):
    """Without outputs. `next_cursor` is null on the last page."""

    jobs: list[JobView]
    next_cursor: str | None


@router.get("", response_model=JobPage)
async def list_jobs(
    transact: Transacting,
    *,
    deployment: str | None = None,
    state: str | None = None,
    session: str | None = None,
    version: Annotated[str | None, Query(description="Such as assistant@3: the answers it gave.")] = None,
    cursor: Cursor = "",
    limit: Limit = "50",
) -> Response:
    """Your jobs, newest first."""
    refuse_unknown_state(state, JobState)
    wanted: dict[str, Any] = {"deployment": deployment, "state": state, "session": session}
    if version is not None:
        wanted["version"], wanted["number"] = _named(version)
    page = partial(_page, wanted=wanted, before=earlier_than(cursor), most=page_length(limit))
    return Json(await transact.plainly(page))


def _page(connection: Connection, caller: Caller, wanted: dict[str, Any], before: UUID, most: int) -> JobPage:
    caller.require(JOBS)
    rows, more = read_page(
        connection, _PAGE, _COLUMNS, wanted, tenant=caller.tenant_id, before=before, most=most
    )
    shown = [job_view(row) for row in rows]
    return {"jobs": shown, "next_cursor": shown[-1]["id"] if more else None}


def _named(label: str) -> tuple[str, int]:
    name, _, number = label.rpartition("@")
    if not (name and name.isascii() and name.isprintable() and number.isdecimal() and len(number) < 10):
        raise InvalidRequest("this names no version", field="version", remedy="Name it as `assistant@3`.")
    return name, int(number)
