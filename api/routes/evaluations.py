"""Evaluations and verdicts: ask for one, see what was measured and what the gate said of it."""

from typing import Annotated

from fastapi import APIRouter, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from api import body, declared, working
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.routes.jobs import to_uuid
from api.takes import Why, takes
from mainspring.access import Caller
from mainspring.errors import MainspringError, NotFound
from mainspring.messages import Train
from mainspring.refresh.asking import an_evaluation
from mainspring.refresh.work_views import (
    EvaluationDetail,
    EvaluationView,
    VerdictDetail,
    evaluation_detail,
    evaluation_view,
    verdict_detail,
)
from mainspring.registry import named, refuse_retired
from mainspring.tables import Evaluation, Verdict, Version
from mainspring.terms import ADMIN

MOST = 100
Label = Annotated[str, Field(min_length=3, max_length=80)]

router = APIRouter(prefix="/v1", tags=["evaluations"], dependencies=[Security(BEARER)])


class EvaluationAsked(BaseModel):
    """`version`: such as `assistant@4`. `beside`: another one; without it the one in production."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: Label
    beside: Label | None = None


class Evaluations(TypedDict):
    evaluations: list[EvaluationView]


@router.post(
    "/deployments/{name}/evaluations",
    status_code=202,
    response_model=EvaluationView,
    openapi_extra=takes(EvaluationAsked),
)
async def ask(name: str, request: Request, backends: TheBackends, transact: Transacting) -> Response:
    """Measure a version beside another one by the deployment's policy. The gate judges it; nothing follows from that."""
    given = await body.read(request, backends.settings.max_body_bytes, EvaluationAsked)

    def work(session: Session, caller: Caller) -> EvaluationView:
        caller.require(ADMIN)
        refuse_retired(declared.find(session, name))
        version = named(session, given.version, deployment=name)
        beside = None if given.beside is None else _beside(session, name, given.beside)
        made = an_evaluation(session, version, beside, actor=f"key {caller.key_id}")
        return evaluation_view(session, made)

    view = await transact(work)
    backends.nudger.send(Train(view["id"]))
    return Json(view, 202, {"Location": f"/v1/evaluations/{view['id']}"})


@router.get("/deployments/{name}/evaluations", response_model=Evaluations)
async def list_evaluations(name: str, transact: Transacting) -> Response:
    """The newest hundred, newest first."""

    def work(session: Session, _: Caller) -> Evaluations:
        declared.find(session, name)
        newest = select(Evaluation).where(Evaluation.deployment == name).order_by(Evaluation.id.desc())
        found = session.scalars(newest.limit(MOST)).all()
        return {"evaluations": [evaluation_view(session, one) for one in found]}

    return Json(await transact(work))


@router.get("/evaluations/{evaluation_id}", response_model=EvaluationDetail)
async def look(evaluation_id: str, transact: Transacting) -> Response:
    """Every number with its interval, and the newest verdict: its reasons, what was traded, what would have changed it."""

    def work(session: Session, _: Caller) -> EvaluationDetail:
        return evaluation_detail(session, working.found(session, Evaluation, evaluation_id))

    return Json(await transact(work))


@router.post("/evaluations/{evaluation_id}/{verb}", response_model=EvaluationView, openapi_extra=takes(Why))
async def act(
    evaluation_id: str, verb: str, request: Request, backends: TheBackends, transact: Transacting
) -> Response:
    """`pause`, `resume` or `cancel` it, with a reason for the log of events."""
    given = await body.read(request, backends.settings.max_body_bytes, Why)

    def work(session: Session, caller: Caller) -> EvaluationView:
        done = working.act(session, caller, (Evaluation, evaluation_id), verb, given.reason)
        return evaluation_view(session, done)

    view = await transact(work)
    working.nudge(backends, verb, view["id"])
    return Json(view)


@router.get("/verdicts/{verdict_id}", response_model=VerdictDetail)
async def verdict(verdict_id: str, transact: Transacting) -> Response:
    """What the gate decided, with all that it was decided from."""

    def work(session: Session, _: Caller) -> VerdictDetail:
        found = session.get(Verdict, to_uuid(verdict_id, _unknown_verdict))
        if found is None:
            raise _unknown_verdict()
        return verdict_detail(session, found)

    return Json(await transact(work))


def _beside(session: Session, name: str, label: str) -> Version:
    try:
        return named(session, label, deployment=name)
    except MainspringError as error:
        error.field = "beside"
        raise


def _unknown_verdict() -> NotFound:
    return NotFound(
        "no verdict has that id",
        field="id",
        remedy="GET /v1/evaluations/{id} shows the one of an evaluation.",
    )
