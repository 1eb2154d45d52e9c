"""Training runs: ask for one, see how far it is."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from api import body, declared
from api.backends import Backends
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.views import RunView, run_view
from mainspring.access import Caller
from mainspring.errors import NotFound
from mainspring.messages import Train
from mainspring.tables import TrainingRun, Version
from mainspring.terms import ADMIN
from mainspring.training.runs import request_run

router = APIRouter(prefix="/v1", tags=["training"], dependencies=[Security(BEARER)])


class RunAsked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    recipe: Annotated[str, Field(min_length=1, max_length=63)]
    parameters: dict[str, Any] = {}


class Runs(TypedDict):
    training_runs: list[RunView]


@router.post(
    "/deployments/{name}/training-runs",
    status_code=202,
    response_model=RunView,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": RunAsked.model_json_schema()}},
        }
    },
)
async def start(name: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Make a version by a recipe."""
    given = await body.read(request, backends.settings.max_body_bytes, RunAsked)
    return requested(backends, await transact(ask, name, given.recipe, given.parameters))


@router.get("/deployments/{name}/training-runs", response_model=Runs)
async def list_runs(name: str, transact: Transacting) -> Response:
    """The newest hundred, newest first."""

    def work(session: Session, _: Caller) -> Runs:
        declared.find(session, name)
        return {"training_runs": declared.runs_of(session, name)}

    return Json(await transact(work))


@router.get("/training-runs/{run_id}", response_model=RunView)
async def look(run_id: str, transact: Transacting) -> Response:
    """How far it is, and what came of it."""

    def work(session: Session, _: Caller) -> RunView:
        return _read(session, run_id)

    return Json(await transact(work))


def ask(session: Session, caller: Caller, name: str, recipe: str, parameters: dict[str, Any]) -> RunView:
    """For `transact`. Raises Forbidden, UnknownDeployment, InvalidRequest."""
    caller.require(ADMIN)
    deployment, who = declared.find(session, name), f"key {caller.key_id}"
    return run_view(request_run(session, deployment, recipe, parameters, asked_by=who), None)


def requested(backends: Backends, run: RunView) -> Response:
    """After the commit: the nudge and the answer."""
    backends.nudger.send(Train(run["id"]))
    return Json(run, 202, {"Location": f"/v1/training-runs/{run['id']}"})


def _read(session: Session, run_id: str) -> RunView:
    try:
        wanted = UUID(run_id)
    except ValueError:
        wanted = UUID(int=0)
    found = session.execute(
        select(TrainingRun, Version.number)
        .outerjoin(Version, Version.id == TrainingRun.version_id)
        .where(TrainingRun.id == wanted)
    ).first()
    if found is None:
        raise NotFound(
            "no training run has that id",
            field="id",
            remedy="GET /v1/deployments/{name}/training-runs lists them.",
        )
    return run_view(*found)
