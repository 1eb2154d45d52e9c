"""Training runs: ask for one, see how far it is, pause it, stop it."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from api import body, declared, working
from api.backends import Backends
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.takes import Why, takes
from api.views import RunView, run_view
from mainspring.access import Caller
from mainspring.errors import InvalidRequest
from mainspring.messages import Train
from mainspring.refresh.line import Line, line_of
from mainspring.tables import Dataset, TrainingRun, Version
from mainspring.terms import ADMIN
from mainspring.training.runs import request_run

router = APIRouter(prefix="/v1", tags=["training"], dependencies=[Security(BEARER)])


class RunAsked(BaseModel):
    """`dataset_id`: what to learn from, in the place of the parameter `dataset`; it may still be made."""

    model_config = ConfigDict(extra="forbid", strict=True)

    recipe: Annotated[str, Field(min_length=1, max_length=63)]
    parameters: dict[str, Any] = {}
    dataset_id: Annotated[str, Field(max_length=36)] | None = None


class RunDetail(RunView):
    line: Line


class Runs(TypedDict):
    training_runs: list[RunView]


@router.post(
    "/deployments/{name}/training-runs",
    status_code=202,
    response_model=RunView,
    openapi_extra=takes(RunAsked),
)
async def start(name: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Make a version by a recipe."""
    given = await body.read(request, backends.settings.max_body_bytes, RunAsked)
    return requested(
        backends, await transact(ask, name, given.recipe, given.parameters, dataset_id=given.dataset_id)
    )


@router.get("/deployments/{name}/training-runs", response_model=Runs)
async def list_runs(name: str, transact: Transacting) -> Response:
    """The newest hundred, newest first."""

    def work(session: Session, _: Caller) -> Runs:
        declared.find(session, name)
        return {"training_runs": declared.runs_of(session, name)}

    return Json(await transact(work))


@router.get("/training-runs/{run_id}", response_model=RunDetail)
async def look(run_id: str, transact: Transacting) -> Response:
    """How far it is, what came of it, and what it hangs together with."""

    def work(session: Session, _: Caller) -> RunDetail:
        run = working.found(session, TrainingRun, run_id)
        return {**_view(session, run), "line": line_of(session, run=run.id)}

    return Json(await transact(work))


@router.post("/training-runs/{run_id}/{verb}", response_model=RunView, openapi_extra=takes(Why))
async def act(
    run_id: str, verb: str, request: Request, backends: TheBackends, transact: Transacting
) -> Response:
    """`pause`, `resume` or `cancel` it, with a reason for the log of events. It goes on from its last checkpoint."""
    given = await body.read(request, backends.settings.max_body_bytes, Why)

    def work(session: Session, caller: Caller) -> RunView:
        return _view(session, working.act(session, caller, (TrainingRun, run_id), verb, given.reason))

    view = await transact(work)
    working.nudge(backends, verb, view["id"])
    return Json(view)


def ask(
    session: Session,
    caller: Caller,
    name: str,
    recipe: str,
    parameters: dict[str, Any],
    *,
    dataset_id: str | None = None,
) -> RunView:
    """For `transact`. Raises Forbidden, UnknownDeployment, NotFound, InvalidRequest."""
    caller.require(ADMIN)
    deployment, who = declared.find(session, name), f"key {caller.key_id}"
    learned = None if dataset_id is None else working.found(session, Dataset, dataset_id, field="dataset_id")
    if learned is not None and parameters.get("dataset", learned.digest) != learned.digest:
        raise InvalidRequest(
            "`dataset` is another one than `dataset_id`", field="parameters.dataset", remedy="Leave one out."
        )
    run = request_run(session, deployment, recipe, parameters, asked_by=who, dataset=learned)
    return run_view(run, None)


def requested(backends: Backends, run: RunView) -> Response:
    """After the commit: the nudge and the answer."""
    backends.nudger.send(Train(run["id"]))
    return Json(run, 202, {"Location": f"/v1/training-runs/{run['id']}"})


def _view(session: Session, run: TrainingRun) -> RunView:
    version = None if run.version_id is None else session.get_one(Version, run.version_id)
    return run_view(run, None if version is None else version.number)
