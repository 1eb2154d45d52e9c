"""Jobs: look, wait, cancel."""

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, Security
from sqlalchemy import Connection, bindparam, select

from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.routes.submitting import leaving_headers
from mainspring.access import Caller
from mainspring.errors import InvalidRequest, NotFound, UnknownJob
from mainspring.messages import Answer
from mainspring.serving import claim, readers, stream
from mainspring.serving.addressing import last_day
from mainspring.serving.conversation import release
from mainspring.serving.receipt import Leaving
from mainspring.serving.views import SHOWN, JobView, job_view
from mainspring.tables import ChatSession, Deployment, Job, JobState, Stage, Version
from mainspring.terms import JOBS

LONGEST_WAIT = 60.0
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,9})?")
# Built once: this is what every poll asks.
_READ = (
    select(*SHOWN, Job.left_at, Job.pinned, Version.stage, Version.stage_at)
    .join(Version, Version.id == Job.version_id)
    .outerjoin(ChatSession, ChatSession.id == Job.session_id)
    .where(Job.id == bindparam("job_id"), Job.tenant_id == bindparam("tenant_id"))
)
_POLICY = select(Deployment.policy).where(Deployment.name == bindparam("name"))

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Security(BEARER)])


@router.get("/{job_id}", response_model=JobView)
async def look(
    job_id: str,
    backends: TheBackends,
    transact: Transacting,
    wait: Annotated[str, Query(description="Hold the answer until the job ends: 0 to 60 seconds.")] = "0",
) -> Response:
    """The job as it is; with `wait`, as it is once it has ended or the seconds have passed.

    If it named a version that leaves, the headers say until when that answers.
    """
    deadline = time.monotonic() + _seconds(wait)
    async with backends.hub.watch(job_id) as bell:
        while True:
            view, leaving = await transact.plainly(partial(_read, job_id=job_id))
            left = deadline - time.monotonic()
            if left <= 0 or JobState(view["state"]).ended:
                return Json(view, headers=None if leaving is None else leaving_headers(leaving))
            await bell.wait(left)


@router.post("/{job_id}/cancel", response_model=JobView)
async def cancel(job_id: str, backends: TheBackends, transact: Transacting) -> Response:
    """End it if it has not ended; the job as it then is. A running generation stops at once."""

    def nudge(cancelled: tuple[JobView, bool, UUID | None]) -> None:
        if cancelled[2] is not None:
            backends.nudger.send(Answer(str(cancelled[2]), job_id))

    view, changed, _ = await transact.plainly(partial(_cancel, job_id=job_id), nudge)
    if changed:
        await backends.tell(stream.CANCEL, job_id)
        await backends.tell(stream.ENDED, job_id)
    return Json(view)


def read_job(connection: Connection, caller: Caller, job_id: str) -> JobView:
    """Raises UnknownJob, also for another tenant's."""
    return _read(connection, caller, job_id)[0]


def _read(connection: Connection, caller: Caller, job_id: str) -> tuple[JobView, Leaving | None]:
    """Also until when the version answers that it named, if that leaves."""
    caller.require(JOBS)
    wanted = {"job_id": to_uuid(job_id), "tenant_id": caller.tenant_id}
    found = connection.execute(_READ, wanted).first()
    if found is None:
        raise unknown_job()
    if found.left_at is not None:
        readers.back(connection, [found.id])
    leaving = None
    if found.pinned and found.stage == Stage.DRAINING:
        leaving = last_day(connection.scalar(_POLICY, {"name": found.deployment}) or {}, found.stage_at)
    return job_view(found), leaving


def _cancel(connection: Connection, caller: Caller, job_id: str) -> tuple[JobView, bool, UUID | None]:
    """The job as it then is, whether this ended it, and whose version has work by that."""
    caller.require(JOBS)
    found = to_uuid(job_id)
    ended = claim.cancel(connection, caller.tenant_id, found)
    released = release(connection, found) if ended else None
    return read_job(connection, caller, job_id), ended, released


def _seconds(given: str) -> float:
    if _SECONDS.fullmatch(given) is None or float(given) > LONGEST_WAIT:
        raise InvalidRequest(
            "this is not a time to wait", field="wait", remedy="Send seconds from 0 to 60, such as `wait=30`."
        )
    return float(given)


def unknown_job() -> UnknownJob:
    return UnknownJob("no job of yours has that id", field="id", remedy="POST /v1/jobs answers with the id.")


def to_uuid(given: str, unknown: Callable[[], NotFound] = unknown_job) -> UUID:
    """Only the form in which ids are given out: one thing, one address. Raises what `unknown` makes."""
    try:
        found = UUID(given)
    except ValueError:
        found = None
    if found is None or str(found) != given:
        error = unknown()
        raise error
    return found
