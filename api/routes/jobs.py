"""Jobs: submit, look, wait, cancel."""

import re
import time
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, bindparam, select
from typing_extensions import TypedDict

from api import body
from api.deps import TheBackends, Transacting
from api.rendering import Json
from api.views import SHOWN, JobView, job_view, moment
from mainspring.access import JOBS, Caller
from mainspring.errors import InvalidRequest, UnknownJob
from mainspring.messages import Answer
from mainspring.serving import claim, stream
from mainspring.serving.accept import accept
from mainspring.serving.receipt import Receipt, Submission
from mainspring.tables import Job, JobState, Version

BEARER = HTTPBearer(auto_error=False, description="An API key; `mainspring key` prints the embedded stack's.")
LONGEST_WAIT = 60.0
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,9})?")
# Built once: this is what every poll asks.
_READ = (
    select(*SHOWN)
    .join(Version, Version.id == Job.version_id)
    .where(Job.id == bindparam("job_id"), Job.tenant_id == bindparam("tenant_id"))
)
_VISIBLE = re.compile(r"[!-~]{1,255}")

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Security(BEARER)])


class Asked(BaseModel):
    """A job as its producer sends it. What `input` and `parameters` may be depends on the deployment's task."""

    model_config = ConfigDict(extra="forbid", strict=True)

    deployment: str
    input: Any
    parameters: dict[str, Any] = {}
    metadata: Annotated[
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
        Field(max_length=16),
    ] = {}


class ReceiptView(TypedDict):
    """`position` 1 is next; it and the estimate are null for a job that waits no more or whose speed is unknown."""

    id: str
    state: str
    deployment: str
    version: str
    position: int | None
    estimated_wait_seconds: float | None
    created_at: str


@router.post(
    "",
    status_code=202,
    response_model=ReceiptView,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": Asked.model_json_schema(),
                    "example": {"deployment": "assistant", "input": "What is a B-tree?"},
                }
            },
        },
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key with the same body gives the same job, whenever it is sent again.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        ],
    },
)
async def submit(request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Enqueue a request. When this answers, the job is stored and will be answered, whatever dies."""
    key = idempotency_key(request)
    asked = await body.read(request, backends.settings.max_body_bytes, Asked)
    submission = Submission(asked.deployment, asked.input, asked.parameters, asked.metadata, key)

    def nudge(receipt: Receipt) -> None:
        if receipt.fresh:
            backends.nudger.send(Answer(str(receipt.version_id), str(receipt.job_id)))

    receipt = await transact.plainly(partial(_accept, submission=submission), nudge)
    job_id = str(receipt.job_id)
    request.state.job_id = job_id
    headers = {"Location": f"/v1/jobs/{job_id}"}
    if not receipt.fresh:
        headers["Idempotent-Replayed"] = "true"
    return Json(_receipt_view(receipt), 202, headers)


@router.get("/{job_id}", response_model=JobView)
async def look(
    job_id: str,
    backends: TheBackends,
    transact: Transacting,
    wait: Annotated[str, Query(description="Hold the answer until the job ends: 0 to 60 seconds.")] = "0",
) -> Response:
    """The job as it is; with `wait`, as it is once it has ended or the seconds have passed."""
    deadline = time.monotonic() + _seconds(wait)
    async with backends.hub.watch(job_id) as bell:
        while True:
            view = await transact.plainly(partial(read_job, job_id=job_id))
            left = deadline - time.monotonic()
            if left <= 0 or JobState(view["state"]).ended:
                return Json(view)
            await bell.wait(left)


@router.post("/{job_id}/cancel", response_model=JobView)
async def cancel(job_id: str, backends: TheBackends, transact: Transacting) -> Response:
    """End it if it has not ended; the job as it then is. A running generation stops at once."""
    view, changed = await transact.plainly(partial(_cancel, job_id=job_id))
    if changed:
        await backends.tell(stream.CANCEL, job_id)
        await backends.tell(stream.ENDED, job_id)
    return Json(view)


def read_job(connection: Connection, caller: Caller, job_id: str) -> JobView:
    """Raises UnknownJob, also for another tenant's."""
    caller.require(JOBS)
    wanted = {"job_id": _job_id(job_id), "tenant_id": caller.tenant_id}
    found = connection.execute(_READ, wanted).first()
    if found is None:
        raise _unknown()
    return job_view(found)


def idempotency_key(request: Request) -> str | None:
    """Raises InvalidRequest."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or _VISIBLE.fullmatch(given[0]) is None:
        raise InvalidRequest(
            "this is not one key of visible characters",
            field="Idempotency-Key",
            remedy="Send one key of 1 to 255 visible ASCII characters, such as a UUID.",
        )
    return given[0]


def _accept(connection: Connection, caller: Caller, submission: Submission) -> Receipt:
    caller.require(JOBS)
    return accept(connection, caller, submission)


def _cancel(connection: Connection, caller: Caller, job_id: str) -> tuple[JobView, bool]:
    """The job as it then is, and whether this ended it."""
    caller.require(JOBS)
    ended = claim.cancel(connection, caller.tenant_id, _job_id(job_id))
    return read_job(connection, caller, job_id), ended


def _receipt_view(receipt: Receipt) -> ReceiptView:
    wait = receipt.wait
    return {
        "id": str(receipt.job_id),
        "state": receipt.state,
        "deployment": receipt.deployment,
        "version": receipt.version,
        "position": None if wait is None else wait.position,
        "estimated_wait_seconds": None if wait is None else wait.seconds,
        "created_at": moment(receipt.created_at),
    }


def _seconds(given: str) -> float:
    if _SECONDS.fullmatch(given) is None or float(given) > LONGEST_WAIT:
        raise InvalidRequest(
            "this is not a time to wait", field="wait", remedy="Send seconds from 0 to 60, such as `wait=30`."
        )
    return float(given)


def _job_id(given: str) -> UUID:
    """Only the form in which ids are given out: one job, one address."""
    try:
        found = UUID(given)
    except ValueError:
        raise _unknown() from None
    if str(found) != given:
        raise _unknown()
    return found


def _unknown() -> UnknownJob:
    return UnknownJob("no job of yours has that id", field="id", remedy="POST /v1/jobs answers with the id.")
