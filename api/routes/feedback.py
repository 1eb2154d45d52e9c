"""What people, and the world, say of an answer."""

from functools import partial
from typing import Annotated, Any, Self

from fastapi import APIRouter, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from typing_extensions import TypedDict

from api import body
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.routes.jobs import to_uuid, unknown_job
from mainspring.access import Caller
from mainspring.errors import InvalidRequest
from mainspring.identifiers import uuid7
from mainspring.tables import Feedback, FeedbackKind, Job, JobState
from mainspring.terms import JOBS

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Security(BEARER)])
_JOB = select(Job.id, Job.state).where(Job.id == bindparam("job"), Job.tenant_id == bindparam("tenant"))
_STORE = insert(Feedback)


class Outcome(BaseModel):
    """A business figure: `{"name": "resolved", "value": 1}`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9_.-]+$")]
    value: Annotated[float, Field(allow_inf_nan=False, ge=-1e15, le=1e15)]


class Said(BaseModel):
    """Exactly one of: `rating` from -1 to 1, `correction` (the output that it should have been), `label`, `outcome`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rating: Annotated[float, Field(ge=-1, le=1)] | None = None
    correction: Annotated[str, Field(min_length=1)] | None = None
    label: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    outcome: Outcome | None = None

    @model_validator(mode="after")
    def one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("say one thing at a time: rating, correction, label or outcome")
        return self

    def parts(self) -> tuple[FeedbackKind, str | None, Any]:
        """kind, name, value."""
        kind = FeedbackKind(next(iter(self.model_fields_set)))
        if self.outcome is not None:
            return kind, self.outcome.name, self.outcome.value
        return kind, None, getattr(self, kind.value)


class FeedbackView(TypedDict):
    id: str
    job: str
    kind: str
    name: str | None


@router.post("/{job_id}/feedback", status_code=201, response_model=FeedbackView)
async def say(job_id: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Rate or correct an answer, say what was true, or what came of it, however much later.

    As often as you like: of the same kind, and of an outcome of the same name, the newest counts.
    """
    said = await body.read(request, backends.settings.max_body_bytes, Said)
    return Json(await transact.plainly(partial(_store, job_id=job_id, said=said)), 201)


def _store(connection: Connection, caller: Caller, job_id: str, said: Said) -> FeedbackView:
    caller.require(JOBS)
    job = connection.execute(_JOB, {"job": to_uuid(job_id), "tenant": caller.tenant_id}).first()
    if job is None:
        raise unknown_job()
    if job.state != JobState.SUCCEEDED:
        raise InvalidRequest(
            f"this job is {job.state} and has no answer",
            field="id",
            remedy="Say something of an answered job.",
        )
    (kind, name, value), identifier = said.parts(), uuid7()
    connection.execute(
        _STORE, {"id": identifier, "job_id": job.id, "kind": kind.value, "name": name, "value": value}
    )
    return {"id": str(identifier), "job": job_id, "kind": kind.value, "name": name}
