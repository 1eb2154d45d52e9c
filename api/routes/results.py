"""Many jobs' results at once: for whoever has submitted a batch, one request instead of one a job."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ARRAY, Connection, Uuid, any_, bindparam, select
from typing_extensions import TypedDict

from api import body
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.routes.jobs import LONGEST_WAIT, to_uuid, unknown_job
from mainspring.access import Caller
from mainspring.serving import readers
from mainspring.serving.views import SHOWN, JobView, job_view
from mainspring.tables import ChatSession, Job, JobState, Version
from mainspring.terms import JOBS

MOST = 1000
TOGETHER_SECONDS = 0.05  # jobs that were batched end together: one look for all of them
_ASKED = (
    Job.id == any_(bindparam("job_ids", type_=ARRAY(Uuid))),
    Job.tenant_id == bindparam("tenant_id"),
)
_STATES = select(Job.id, Job.state).where(*_ASKED)
_READ = (
    select(*SHOWN, Job.left_at)
    .join(Version, Version.id == Job.version_id)
    .outerjoin(ChatSession, ChatSession.id == Job.session_id)
    .where(*_ASKED)
)

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Security(BEARER)])


class Wanted(BaseModel):
    """`wait`: hold the answer until one of them has ended, or so many seconds have passed."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ids: Annotated[list[str], Field(min_length=1, max_length=MOST)]
    wait: Annotated[float, Field(ge=0, le=LONGEST_WAIT, allow_inf_nan=False)] = 0.0


class Results(TypedDict):
    """`jobs`: those of the ids asked for that have ended, in their order. Ask again for the others."""

    jobs: list[JobView]


@router.post(
    "/results",
    response_model=Results,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": Wanted.model_json_schema()}},
        }
    },
)
async def results(request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """The ended ones among up to 1,000 jobs; with `wait`, as soon as there is one."""
    wanted = await body.read(request, backends.settings.max_body_bytes, Wanted)
    deadline = time.monotonic() + wanted.wait
    async with backends.hub.watch(*wanted.ids) as bell:
        while True:
            ended = await transact.plainly(partial(_ended, asked=wanted.ids))
            left = deadline - time.monotonic()
            if ended or left <= 0:
                return Json({"jobs": ended})
            await bell.wait(left)
            await asyncio.sleep(TOGETHER_SECONDS)


def _ended(connection: Connection, caller: Caller, asked: Sequence[str]) -> list[JobView]:
    """Raises UnknownJob when one of them is, also for another tenant's."""
    caller.require(JOBS)
    ids = [to_uuid(one) for one in asked]
    given = {"job_ids": ids, "tenant_id": caller.tenant_id}
    states = {job_id: JobState(state) for job_id, state in connection.execute(_STATES, given)}
    if len(states) < len(set(ids)):
        error = unknown_job()
        error.field = "ids"
        raise error
    ended = [one for one in dict.fromkeys(ids) if states[one].ended]
    if not ended:
        return []
    rows = connection.execute(_READ, given | {"job_ids": ended}).all()
    readers.back(connection, [row.id for row in rows if row.left_at is not None])
    found: dict[UUID, JobView] = {row.id: job_view(row) for row in rows}
    return [found[one] for one in ended if one in found]
